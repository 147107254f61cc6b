"""Whether somebody speaks, and what the background sounds like when nobody does.

Each band's noise floor is the least energy it had in the last seconds, for speech leaves every
band again and again (minimum statistics, Martin, IEEE Trans. Speech and Audio Processing 9(5),
2001). Speech is what rises well above the floor. Nothing is learnt and nothing is looked up, so
it knows no language and does the same everywhere.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.audio.backend import SPEECH_RATE
from app.core.packet import NO_SOUND, QUIETEST, NoiseHint

_FRAME, _HOP = 320, 160
_EDGES_HZ = (100, 400, 1000, 2000, 4000, 7800)
_FLOOR_CHUNKS = 50
_LEAST_FLOOR_DB = -85.0
_RISE_DB = 9.0
_BROAD_RISE_DB = 5.0
_ACTIVE_FRAMES = 2
_BACKGROUND_WEIGHT = 0.2
HANG_OVER_CHUNKS = 4
"""Chunks of 80 ms that still count as speech after it ended: the faint ends of words, and short
pauses, in which stopping would cost more packets than going on."""


class VoiceActivity:
    """Follows one microphone at 16 kHz, a chunk of any whole number of 10 ms at a time."""

    def __init__(self) -> None:
        window = np.hanning(_FRAME + 1)[:-1].astype(np.float32)
        self._window = window / np.sqrt(np.mean(window**2)) / _FRAME**0.5
        bins = [round(hz * _FRAME / SPEECH_RATE) for hz in _EDGES_HZ]
        self._bands = list(pairwise(bins))
        self._carry = np.zeros(_FRAME - _HOP, np.float32)
        least = np.full(len(self._bands), _LEAST_FLOOR_DB)
        # Until the floor is known all is taken for speech that is not faint.
        self._minima: deque[NDArray[np.float64]] = deque([least], maxlen=_FLOOR_CHUNKS)
        self._minima.extend([least + 20.0] * (_FLOOR_CHUNKS - 1))
        self._background: NDArray[np.float64] | None = None
        self._hang_over = 0

    def step(self, pcm: NDArray[np.float32]) -> bool:
        """Whether these samples, shape (n,) within ±1, are to be heard."""
        power = self._power(pcm)
        levels = np.stack([_db(power[:, a:b].mean(axis=1)) for a, b in self._bands], axis=1)
        floor = np.min(self._minima, axis=0) + 2.0
        rise = levels - np.maximum(floor, _LEAST_FLOOR_DB)
        active = (rise.max(axis=1) >= _RISE_DB) & (rise.mean(axis=1) >= _BROAD_RISE_DB / 2)
        active |= rise.mean(axis=1) >= _BROAD_RISE_DB
        smooth = np.stack([levels[:-2], levels[1:-1], levels[2:]]).mean(axis=0)
        self._minima.append(smooth.min(axis=0))
        if int(active.sum()) >= _ACTIVE_FRAMES:
            self._hang_over = HANG_OVER_CHUNKS
            return True
        self._learn_background(power)
        self._hang_over = max(self._hang_over - 1, -1)
        return self._hang_over >= 0

    @property
    def noise(self) -> NoiseHint:
        """The background, as it was when last nobody spoke."""
        if self._background is None:
            return NO_SOUND
        autocorrelation = np.fft.irfft(self._background)[:4]
        level = round(-float(_db(autocorrelation[:1])[0]))
        if level >= QUIETEST or autocorrelation[0] <= 0.0:
            return NO_SOUND
        return NoiseHint(max(level, 0), _shape(autocorrelation))

    def _power(self, pcm: NDArray[np.float32]) -> NDArray[np.float64]:
        """(frames, bins) power spectra, whose mean over all bins is the mean square."""
        samples = np.concatenate([self._carry, pcm])
        self._carry = samples[len(samples) - (_FRAME - _HOP) :]
        frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
        return np.abs(np.fft.rfft(frames * self._window, axis=1)) ** 2

    def _learn_background(self, power: NDArray[np.float64]) -> None:
        now = power.mean(axis=0)
        if self._background is None:
            self._background = now
        else:
            self._background += _BACKGROUND_WEIGHT * (now - self._background)


def _db(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return 10.0 * np.log10(power + 1e-13)


def _shape(autocorrelation: NDArray[np.float64]) -> tuple[int, int, int]:
    """Three reflection coefficients (Levinson and Durbin's recursion), a byte each."""
    error = float(autocorrelation[0]) * 1.0001 + 1e-12
    filter_: list[float] = [1.0]
    shape = []
    for order in range(1, 4):
        k = -sum(a * float(autocorrelation[order - i]) for i, a in enumerate(filter_)) / error
        padded = [*filter_, 0.0]
        filter_ = [a + k * b for a, b in zip(padded, reversed(padded), strict=True)]
        error *= 1.0 - k * k
        shape.append(min(max(round(127 * k) + 127, 0), 254))
    return shape[0], shape[1], shape[2]
