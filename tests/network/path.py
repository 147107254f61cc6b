"""What a line does to packets: loss, delay, reordering, duplication, a bottleneck, silence."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """One direction of a line. The default is a perfect one.

    `loss`: the share of packets lost; at random for `burst` 1, else in runs of exactly so many.
    `delay` and `jitter` in seconds: each packet takes `delay` and a random share of `jitter`, so
    that packets overtake one another. `duplicate`: the share that comes twice. `kbits`: what the
    line carries, IP headers counted; what does not fit waits up to `queue` seconds, then is lost.
    `down`: nothing passes.
    """

    loss: float = 0.0
    burst: int = 1
    delay: float = 0.0
    jitter: float = 0.0
    duplicate: float = 0.0
    kbits: float | None = None
    queue: float = 2.0
    down: bool = False


class Traffic:
    """Packets on one direction of a line, whose path may change at any time."""

    def __init__(self, seed: int) -> None:
        self.path = Path()
        self._random = random.Random(seed)
        self._to_lose = 0
        self._burst_over = False
        self._busy_until = 0.0

    def arrivals(self, now: float, size: int) -> list[float]:
        """When a packet of `size` bytes arrives, sent `now`: never, once or twice."""
        path = self.path
        if path.down or self._is_lost():
            return []
        if path.kbits is not None:
            begins = max(self._busy_until, now)
            if begins - now > path.queue:
                return []
            self._busy_until = now = begins + size * 8 / path.kbits / 1000
        copies = 2 if self._random.random() < path.duplicate else 1
        return [now + path.delay + self._random.random() * path.jitter for _ in range(copies)]

    def _is_lost(self) -> bool:
        if self._to_lose == 0:
            if self._random.random() >= self._begins():
                return False
            self._to_lose = self.path.burst
        self._to_lose -= 1
        self._burst_over = self._to_lose == 0
        return True

    def _begins(self) -> float:
        """How likely the next packet is the first of a run of lost ones."""
        loss, burst = self.path.loss, self.path.burst
        if burst == 1:
            return loss
        # A run is of `burst` packets and not of twice as many: one comes through after it.
        over, self._burst_over = self._burst_over, False
        return 0.0 if over else loss / (burst * (1 - loss))
