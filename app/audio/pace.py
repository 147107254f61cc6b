"""Real time for things that are not devices: a file or silence that flows as a device would."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
Sleep = Callable[[float], None]

PATIENCE = 0.5
"""Seconds a paced source lets itself be read late before it waits for its reader instead."""


class Source:
    """The capture side: says when the next samples would have been recorded.

    Time starts at the first read. A reader that is late by more than PATIENCE finds that the
    source has waited: nothing is lost, and the backlog, which is latency, stays bounded.
    """

    def __init__(self, rate: int, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._origin: float | None = None
        self._taken = 0

    @property
    def backlog(self) -> float:
        """Seconds recorded and not yet read."""
        if self._origin is None:
            return 0.0
        late = self._clock() - self._origin - self._taken / self._rate
        return min(max(late, 0.0), PATIENCE)

    def take(self, samples: int, timeout: float) -> bool:
        """Wait until `samples` more have been recorded; False if that takes over `timeout` s."""
        now = self._clock()
        if self._origin is None:
            self._origin = now
        due = self._origin + (self._taken + samples) / self._rate
        if due - now > timeout:
            self._sleep(max(timeout, 0.0))
            return False
        if due > now:
            self._sleep(due - now)
        elif now - due > PATIENCE:
            self._origin += now - due - PATIENCE
        self._taken += samples
        return True


class Sink:
    """The playing side: a count of samples that drains at `rate`, and the gaps in between.

    There is no thread: every call first works out what has been played by now.
    """

    def __init__(self, rate: int, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._ends_at: float | None = None  # when all that was written will have been played
        self.underruns = 0

    @property
    def queued(self) -> float:
        """Seconds written and not yet played."""
        return max(self._ends_at - self._clock(), 0.0) if self._ends_at is not None else 0.0

    def put(self, samples: int) -> int:
        """Queue samples; returns how many samples of silence were played before them."""
        now = self._clock()
        if self._ends_at is None:
            self._ends_at = now
        gap = max(0, round((now - self._ends_at) * self._rate))
        if gap:
            self.underruns += 1
            self._ends_at = now
        self._ends_at += samples / self._rate
        return gap

    def wait_below(self, seconds: float, timeout: float) -> bool:
        """Wait until no more than `seconds` are queued; False if that takes over `timeout` s."""
        excess = self.queued - seconds
        if excess > timeout:
            self._sleep(max(timeout, 0.0))
            return False
        if excess > 0:
            self._sleep(excess)
        return True
