"""The sound of a room in which nobody speaks, made from a hint at its level and colour.

Dead silence between words sounds like a broken line. White noise is given the spectrum of the
hint's three reflection coefficients and overlapped block by block, so that it never repeats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.audio.backend import SPEECH_RATE
from app.core.packet import NO_SOUND, QUIETEST, NoiseHint

_HOP_SECONDS = 0.01
_GLIDE = 0.15
"""The part of the way to a new hint that each block goes: there in a quarter of a second."""


_INAUDIBLE = 1e-6


class ComfortNoise:
    """An endless sound at `rate` Hz."""

    def __init__(self, rate: int, seed: int | None = None) -> None:
        self._rate = rate
        self._hop = round(_HOP_SECONDS * rate)
        self._window = np.sin(np.pi * (np.arange(2 * self._hop) + 0.5) / (2 * self._hop))
        self._random = np.random.default_rng(seed)
        self._spectrum = np.zeros(self._hop + 1)
        self._wanted = self._spectrum
        self._tail = np.zeros(self._hop)
        self._ready = np.zeros(0, np.float32)
        self.hint = NO_SOUND
        """What it sounds like."""

    def become(self, hint: NoiseHint) -> None:
        """Sound like this, after a moment's glide."""
        self.hint = hint
        self._wanted = self._spectrum_of(hint)

    @property
    def is_audible(self) -> bool:
        """Whether it is anything but zeros."""
        return self.hint.level < QUIETEST or float(self._spectrum.max()) > _INAUDIBLE

    def step(self, samples: int) -> NDArray[np.float32]:
        """The next samples, shape (samples,) float32."""
        while len(self._ready) < samples:
            self._ready = np.concatenate([self._ready, self._block()])
        out, self._ready = self._ready[:samples], self._ready[samples:]
        return out

    def _block(self) -> NDArray[np.float32]:
        self._spectrum = self._spectrum + _GLIDE * (self._wanted - self._spectrum)
        white = np.fft.rfft(self._random.standard_normal(2 * self._hop))
        block = np.fft.irfft(white * self._spectrum) * self._window
        out = self._tail + block[: self._hop]
        self._tail = block[self._hop :]
        return out.astype(np.float32)

    def _spectrum_of(self, hint: NoiseHint) -> NDArray[np.float64]:
        """The gain of each bin, from the all-pole filter the reflection coefficients stand for."""
        hertz = np.arange(self._hop + 1) * self._rate / (2 * self._hop)
        if hint.level >= QUIETEST:
            return np.zeros(len(hertz))
        gain = 1.0 / np.abs(np.polyval(_filter(hint.shape), np.exp(-2j * np.pi * hertz / 16_000)))
        gain[hertz > SPEECH_RATE / 2] = 0.0
        # A real signal's inner bins count twice in its mean square.
        weights = np.full(len(hertz), 2.0)
        weights[[0, -1]] = 1.0
        mean_square = np.sum(weights * gain**2) / (2 * self._hop)
        return gain * 10 ** (-hint.level / 20) / np.sqrt(mean_square)


def _filter(shape: tuple[int, int, int]) -> list[float]:
    """The coefficients of the prediction filter, the last first (as `polyval` takes them)."""
    coefficients = [1.0]
    for byte in shape:
        k = min(max((byte - 127) / 127, -0.99), 0.99)
        padded = [*coefficients, 0.0]
        coefficients = [a + k * b for a, b in zip(padded, reversed(padded), strict=True)]
    return coefficients[::-1]
