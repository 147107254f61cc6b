"""How loud it is: RMS and peak in dBFS, quick to rise and slow to fall."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

FLOOR = -100.0
"""The dBFS shown for silence, and for anything below it."""


def dbfs(amplitude: float) -> float:
    """Decibels relative to full scale (1.0 is 0 dBFS), never below FLOOR."""
    return max(20.0 * math.log10(amplitude), FLOOR) if amplitude > 0.0 else FLOOR


class LevelMeter:
    """Holds the loudest recent block and lets it fall by `decay` dB a second.

    The fall goes by the clock and not by the samples, so a stream that stops falls silent too.
    One thread updates, any thread reads.
    """

    def __init__(
        self, rate: int, *, decay: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._decay = decay
        self._clock = clock
        self._rms = (FLOOR, 0.0)
        self._peak = (FLOOR, 0.0)
        self._zeros = 0

    def update(self, pcm: np.ndarray) -> None:
        """Take in one block of samples, shape (n,)."""
        if not len(pcm):
            return
        now = self._clock()
        peak = float(np.max(np.abs(pcm)))
        self._zeros = self._zeros + len(pcm) if peak == 0.0 else 0
        rms = math.sqrt(float(np.dot(pcm, pcm)) / len(pcm))
        self._rms = (max(dbfs(rms), self._fallen(self._rms, now)), now)
        self._peak = (max(dbfs(peak), self._fallen(self._peak, now)), now)

    @property
    def rms(self) -> float:
        return self._fallen(self._rms, self._clock())

    @property
    def peak(self) -> float:
        return self._fallen(self._peak, self._clock())

    @property
    def zero_seconds(self) -> float:
        """Seconds of exact zeros at the end of what was heard."""
        return self._zeros / self._rate

    def _fallen(self, held: tuple[float, float], now: float) -> float:
        value, since = held
        return max(value - self._decay * (now - since), FLOOR)


class Metered:
    """Whatever shows how loud it is by its `_meter`: part of every input and output that is one."""

    _meter: LevelMeter

    @property
    def level(self) -> float:
        """Recent loudness, RMS in dBFS."""
        return self._meter.rms

    @property
    def peak(self) -> float:
        """Recent peak in dBFS."""
        return self._meter.peak
