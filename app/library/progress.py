"""Telling how far a long piece of work is, and being told to stop it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from app.core.meter import Clock
from app.core.models import ModelProgress
from app.library.errors import Cancelled

Tell = Callable[[ModelProgress], None]

_EVERY_SECONDS = 0.2
_SPEED_SECONDS = 5.0


class Work:
    """A piece of work on one model: `tell` hears how far it is, `stop` ends it with Cancelled."""

    def __init__(self, name: str, tell: Tell, stop: threading.Event, clock: Clock) -> None:
        self.name = name
        self._tell, self._stop, self._clock = tell, stop, clock
        self._now = ModelProgress(name, "asking")
        self._told_at = float("-inf")
        self._seen: deque[tuple[float, int]] = deque()

    def check(self) -> None:
        """Raise Cancelled when it was told to stop."""
        if self._stop.is_set():
            raise Cancelled

    def begin(self, step: str, done: int = 0, total: int = 0) -> None:
        """Go on to another step; `done` of its bytes are there already."""
        self.check()
        self._seen.clear()
        self._now = ModelProgress(self.name, step, done, total)  # type: ignore[arg-type]
        self._say()

    def add(self, octets: int) -> None:
        """So many more bytes are done. Raises Cancelled."""
        self.check()
        now = self._clock()
        done = self._now.done + octets
        self._seen.append((now, done))
        while now - self._seen[0][0] > _SPEED_SECONDS:
            self._seen.popleft()
        (then, before), speed = self._seen[0], None
        if now > then:
            speed = (done - before) / (now - then)
        step, total = self._now.step, self._now.total
        self._now = ModelProgress(self.name, step, done, total, speed)
        if now - self._told_at >= _EVERY_SECONDS or done == total:
            self._say()

    def wait(self, seconds: float) -> None:
        """Let time pass, and say so. Raises Cancelled as soon as it is told to stop."""
        self._seen.clear()
        step, done, total = self._now.step, self._now.done, self._now.total
        self._tell(ModelProgress(self.name, step, done, total, waiting=seconds))
        self._stop.wait(seconds)
        self.check()
        self._say()

    def _say(self) -> None:
        self._told_at = self._clock()
        self._tell(self._now)
