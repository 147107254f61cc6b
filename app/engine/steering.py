"""How the call's packets are filled: what is known of the way to the peer, and what follows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from app.core.control import Report
from app.core.meter import Clock
from app.core.profile import LinkReading, Plan, Profile, ProfilePolicy


class Steering:
    """Hears of the line on the network thread and answers on the speaking one.

    `chosen` is the profile chosen by hand, None where the line decides; `backlog` gives the bytes
    that wait to leave.
    """

    def __init__(
        self, clock: Clock, chosen: Profile | None, backlog: Callable[[], int] = lambda: 0
    ) -> None:
        self._policy = ProfilePolicy(clock, chosen)
        self._backlog = backlog
        self._lock = threading.Lock()
        self._reading = LinkReading()
        self._plan: Plan | None = None

    def report(self, report: Report) -> None:
        """Take what the peer says of how packets reach it."""
        with self._lock:
            self._reading = replace(
                self._reading, loss=report.loss, burst=report.burst, queue=report.queue
            )

    def round_trip(self, seconds: float) -> None:
        """Take the round trip of now."""
        with self._lock:
            self._reading = replace(self._reading, round_trip=seconds)

    def choose(self, profile: Profile | None) -> None:
        """Take this profile from the next packet on; None lets the line decide."""
        with self._lock:
            self._policy.choose(profile)

    def spare(self, spares: bool) -> None:
        """Send fewer packets, each with more in it, as far as no person chose otherwise."""
        with self._lock:
            self._policy.spares = spares

    def plan(self) -> Plan:
        """How to fill the next packet. Asked for each chunk."""
        with self._lock:
            self._reading = replace(self._reading, backlog=self._backlog())
            self._plan = self._policy.decide(self._reading)
            return self._plan

    @property
    def profile(self) -> Profile | None:
        """The profile in force; None before the first chunk."""
        return self._plan.profile if self._plan is not None else None
