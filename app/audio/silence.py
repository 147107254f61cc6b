"""A call without devices: a microphone that hears nothing, a loudspeaker that sounds nowhere."""

from __future__ import annotations

import time

import numpy as np

from app.audio.backend import SPEECH_RATE
from app.audio.level import FLOOR, LevelMeter, Metered
from app.audio.pace import Clock, Sink, Sleep, Source


class NoInput:
    """Delivers silence in real time, for who can listen but not be heard."""

    rate = SPEECH_RATE
    level = FLOOR
    peak = FLOOR
    zero_seconds = 0.0  # nothing is wrong with a microphone that was never there
    dropped = 0

    def __init__(self, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._source = Source(self.rate, clock, sleep)
        self._closed = False

    @property
    def latency(self) -> float:
        return self._source.backlog

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        if self._closed or not self._source.take(samples, timeout):
            return None
        return np.zeros(samples, np.float32)

    def close(self) -> None:
        self._closed = True


class NoOutput(Metered):
    """Takes sound at the pace of a loudspeaker and discards it; the meter still moves."""

    latency = 0.0

    def __init__(self, rate: int, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self.rate = rate
        self._sink = Sink(rate, clock, sleep)
        self._meter = LevelMeter(rate, clock=clock)
        self._closed = False

    @property
    def queued(self) -> float:
        return self._sink.queued

    @property
    def underruns(self) -> int:
        return self._sink.underruns

    def write(self, pcm: np.ndarray) -> None:
        if not self._closed:
            self._meter.update(pcm)
            self._sink.put(len(pcm))

    def wait_below(self, seconds: float, timeout: float) -> bool:
        return self._sink.wait_below(seconds, timeout)

    def close(self) -> None:
        self._closed = True
