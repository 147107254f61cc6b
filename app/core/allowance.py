"""How much of something a stranger may cause: a number at once, and a rate from then on."""

from __future__ import annotations

from app.core.meter import Clock


class Allowance:
    """A token bucket: `at_once`, refilled at `per_second`. Not for several threads at once."""

    def __init__(self, clock: Clock, at_once: int, per_second: float) -> None:
        self._clock, self._most, self._rate = clock, at_once, per_second
        self._left, self._seen = float(at_once), clock()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = self._clock()
        self._left = min(self._left + (now - self._seen) * self._rate, self._most)
        self._seen = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
