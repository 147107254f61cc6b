"""Whether the peer is still there, and how far away: pings on an injected clock.

WebRTC tells of a dead path only after 30 s. Any message heard is a sign of life; pings are sent
each second when nothing is heard, and now and then otherwise, since each costs as much as voice.
"""

from __future__ import annotations

from app.core.control import Ping, Pong
from app.core.meter import Clock
from app.net.config import Patience

_SMOOTHING = 0.25
_MODULO_MS = 1 << 32


class Liveness:
    """Follows one peer from the moment it is connected."""

    def __init__(self, clock: Clock, patience: Patience) -> None:
        self._clock = clock
        self._patience = patience
        self._heard_at = clock()
        self._pinged_at: float | None = None
        self._next_id = 0
        self.round_trip: float | None = None
        """Smoothed round trip in seconds, None until the first pong."""

    def heard(self) -> None:
        """A message came."""
        self._heard_at = self._clock()

    @property
    def silence(self) -> float:
        """Seconds since the last message."""
        return self._clock() - self._heard_at

    def due_ping(self) -> Ping | None:
        """A ping if it is time for one."""
        now = self._clock()
        quiet = self.silence >= self._patience.ping
        interval = self._patience.ping if quiet else self._patience.ping_busy
        if self._pinged_at is not None and now - self._pinged_at < interval:
            return None
        self._pinged_at = now
        self._next_id = (self._next_id + 1) & 0xFFFF
        return Ping(self._next_id, int(now * 1000) % _MODULO_MS)

    def measure(self, pong: Pong) -> float:
        """The smoothed round trip in seconds, with this pong in it."""
        sample = (int(self._clock() * 1000) - pong.sent_ms) % _MODULO_MS / 1000
        if sample > self._patience.lost:
            return self.round_trip or 0.0  # not an echo of ours, or older than any connection
        if self.round_trip is None:
            self.round_trip = sample
        else:
            self.round_trip += _SMOOTHING * (sample - self.round_trip)
        return self.round_trip
