"""Whether the peer is still there, and how far away: pings on an injected clock.

WebRTC tells of a dead path only after 30 s. Any message heard is a sign of life; pings are sent
each second when nothing is heard, and ever more rarely otherwise, if it can be along with voice,
since alone each costs as much as voice; so do the answers. From a peer that said it is silent
nothing is awaited but pongs and, while this end speaks, acknowledgements: only what stays
unanswered makes its silence tell. When both are silent pings are rarest, and one goes out when this
end begins to speak, so that nobody talks for long to someone who is gone.
"""

from __future__ import annotations

from app.core.control import Ping, Pong
from app.core.meter import Clock
from app.net.config import Patience

_SMOOTHING = 0.25
_MODULO_MS = 1 << 32
_RARER = 16
"""Pings until they are as rare as they get, so that a new call soon knows how far the peer is."""
_EARLY = 0.9
"""The share of its interval after which a ping goes along with voice that leaves."""


class Liveness:
    """Follows one peer from the moment it is connected."""

    def __init__(self, clock: Clock, patience: Patience) -> None:
        self._clock = clock
        self._patience = patience
        self._heard_at = clock()
        self._pinged_at: float | None = None
        self._unanswered_since: float | None = None
        self._own_silent = self._peer_silent = False
        self._spoke_at = float("-inf")
        self._owed: tuple[Ping, float] | None = None
        self._acknowledged = False
        self._next_id = self._pings = 0
        self.round_trip: float | None = None
        """Smoothed round trip in seconds, None until the first pong."""

    def heard(self) -> None:
        """A message came."""
        self._heard_at = self._clock()
        self._unanswered_since = None

    def heard_ack(self) -> None:
        """The peer acknowledged what was sent. Never called where that cannot be seen."""
        self._acknowledged = True
        self._unanswered_since = None

    def heard_voice(self, *, silence: bool) -> None:
        """A voice packet came: speech, or word that the peer is silent."""
        self._peer_silent = silence

    def said(self, *, silence: bool) -> None:
        """A voice packet is sent: speech, or word that this end is silent."""
        begins, self._own_silent = self._own_silent and not silence, silence
        patience = self._patience.ping_busy
        if begins and self._pinged_at is not None and self._clock() - self._pinged_at > patience:
            self._pinged_at = None  # Is the one spoken to still there?
        if not silence:
            self._spoke_at = self._clock()
            if self._acknowledged and self._unanswered_since is None:
                self._unanswered_since = self._spoke_at

    @property
    def silence(self) -> float:
        """Seconds for which something was to be heard and was not."""
        since: float | None = self._heard_at
        if self._peer_silent:
            since = self._unanswered_since
        return 0.0 if since is None else self._clock() - since

    def due_ping(self, *, along: bool = False) -> Ping | None:
        """A ping if it is time for one; a little early if it can go along with voice."""
        now = self._clock()
        interval = self._interval() * (_EARLY if along else 1.0)
        if self._pinged_at is not None and now - self._pinged_at < interval:
            return None
        self._pinged_at = now
        self._pings = min(self._pings + 1, _RARER)
        if self._unanswered_since is None:
            self._unanswered_since = now
        self._next_id = (self._next_id + 1) & 0xFFFF
        return Ping(self._next_id, int(now * 1000) % _MODULO_MS)

    def asked(self, ping: Ping) -> None:
        """A ping came, to be answered when `due_answer` says so."""
        self._owed = (ping, self._clock())

    def due_answer(self, *, along: bool = False) -> tuple[Ping, float] | None:
        """The ping to answer now, and how many seconds it had to wait.

        While this end speaks an answer waits for the next voice packet, but not long.
        """
        if self._owed is None:
            return None
        now = self._clock()
        ping, came_at = self._owed
        speaks = now - self._spoke_at < self._patience.pong
        if speaks and not along and now - came_at < self._patience.pong:
            return None
        self._owed = None
        return ping, now - came_at

    def _interval(self) -> float:
        if self.silence >= self._patience.ping:
            return self._patience.ping
        both = self._own_silent and self._peer_silent
        usual = self._patience.ping_silent if both else self._patience.ping_busy
        return min(usual, self._patience.ping * 2**self._pings)

    def measure(self, pong: Pong) -> float:
        """The smoothed round trip in seconds, with this pong in it."""
        sample = (int(self._clock() * 1000) - pong.sent_ms) % _MODULO_MS / 1000
        sample = max(sample - pong.held_ms / 1000, 0.0)
        if sample > self._patience.lost:
            return self.round_trip or 0.0  # not an echo of ours, or older than any connection
        if self.round_trip is None:
            self.round_trip = sample
        else:
            self.round_trip += _SMOOTHING * (sample - self.round_trip)
        return self.round_trip
