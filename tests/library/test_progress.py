from __future__ import annotations

import threading

import pytest

from app.core.models import ModelProgress
from app.library.errors import Cancelled
from app.library.progress import Work


class Clocked:
    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[ModelProgress] = []
        self.stop = threading.Event()
        self.work = Work("m", self.told.append, self.stop, lambda: self.now)

    def add(self, octets: int, seconds: float) -> None:
        self.now += seconds
        self.work.add(octets)


def test_the_speed_is_that_of_late() -> None:
    clocked = Clocked()
    clocked.work.begin("downloading", 500, 100_000)
    for _ in range(20):
        clocked.add(1000, 1.0)
    assert clocked.told[-1].speed == pytest.approx(1000)
    for _ in range(10):
        clocked.add(100, 1.0)
    assert clocked.told[-1].speed == pytest.approx(100)
    assert clocked.told[-1].done == 500 + 21_000
    clocked.work.wait(0.0)
    clocked.add(7, 1.0)
    assert clocked.told[-1].speed is None


def test_not_every_byte_is_told_but_the_last_one_is() -> None:
    clocked = Clocked()
    clocked.work.begin("downloading", 0, 1000)
    for _ in range(1000):
        clocked.add(1, 0.001)
    assert len(clocked.told) < 10
    assert clocked.told[-1].done == 1000


def test_told_to_stop_it_does_at_the_next_step() -> None:
    clocked = Clocked()
    clocked.stop.set()
    for step in (
        lambda: clocked.work.add(1),
        lambda: clocked.work.begin("loading"),
        lambda: clocked.work.wait(3600),
    ):
        with pytest.raises(Cancelled):
            step()
