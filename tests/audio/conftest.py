"""Clocks that stand still until told, and virtual devices for the tests that need real ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual_audio import VirtualAudio, missing, virtual_audio


class FakeTime:
    """A clock and the sleep that goes with it."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0.0
        self.now += seconds


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture(scope="session")
def virtual() -> Iterator[VirtualAudio]:
    """Devices for alice and bob."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with (
        tempfile.TemporaryDirectory(prefix="undertone-") as directory,
        virtual_audio(Path(directory), ["alice", "bob"]) as audio,
    ):
        yield audio
