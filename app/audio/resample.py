"""Streaming sample-rate conversion with a delay of two milliseconds at 16 kHz.

soxr's streaming mode buffers whole FFT blocks: fed 10 ms at a time it was measured to hold back up
to 37 ms between 16 and 48 kHz and 58 ms between 16 and 44.1 kHz (quality HQ; 20 ms at LQ). A call
cannot spare that, and speech in small blocks is cheap enough for the direct form.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_ZERO_CROSSINGS = 32  # of the sinc, on each side; at the lower rate, so 2 ms at 16 kHz
_ATTENUATION = 60.0  # dB
_ROLLOFF = 0.945  # centre of the transition band, so that it ends at the lower Nyquist frequency


_PHASES = 4_096
"""Phases in a sample of the lower rate, at most: two odd rates would need as many as there are
samples in a second, and a table of gigabytes. The nearest of these is wrong by less than the
filter's own error."""


def _polyphase_table(up: int, down: int, phases: int) -> np.ndarray:
    """Windowed sinc cut into phases, shape (phases, taps), each phase summing to one."""
    cutoff = _ROLLOFF * min(1.0, up / down)  # relative to the source's Nyquist frequency
    half = math.ceil(_ZERO_CROSSINGS * max(1.0, down / up))
    beta = 0.1102 * (_ATTENUATION - 8.7)
    phase = np.arange(phases)[:, None] / phases
    distance = phase - np.arange(-half + 1, half + 1)[None, :]
    window = np.i0(beta * np.sqrt(np.clip(1.0 - (distance / half) ** 2, 0.0, 1.0))) / np.i0(beta)
    table = np.sinc(cutoff * distance) * window
    return (table / table.sum(axis=1, keepdims=True)).astype(np.float32)


class Resampler:
    """Mono float32 from `source_rate` to `target_rate` (Hz), in blocks of any size.

    A polyphase FIR filter with a Kaiser window (R. E. Crochiere and L. R. Rabiner, "Multirate
    Digital Signal Processing", 1983, chapter 4; J. F. Kaiser, 1974, for the window). `delay` is in
    seconds. Equal rates pass through untouched and without delay.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        if source_rate < 1 or target_rate < 1:
            raise ValueError(f"no such sample rates: {source_rate}, {target_rate}")
        shared = math.gcd(source_rate, target_rate)
        self._up, self._down = target_rate // shared, source_rate // shared
        self._through = self._up == self._down
        self._phases = min(self._up, math.ceil(_PHASES * min(1.0, self._up / self._down)))
        self._table = _polyphase_table(self._up, self._down, self._phases)
        self._taps = self._table.shape[1]
        self.delay = 0.0 if self._through else self._taps / 2 / source_rate
        self._kept = np.zeros(self._taps // 2 - 1, np.float32)
        self._next = 0  # position of the next output on the common grid, relative to _kept

    def push(self, pcm: np.ndarray) -> np.ndarray:
        """Convert a block of shape (n,); returns all that can be said so far, shape (m,)."""
        if self._through:
            return np.array(pcm, np.float32)
        source = np.concatenate([self._kept, pcm.astype(np.float32, copy=False)])
        places = len(source) - self._taps + 1  # where a whole filter fits
        count = max(0, -(-(places * self._up - self._next) // self._down)) if places > 0 else 0
        grid = self._next + self._down * np.arange(count)
        at, phase = np.divmod(grid, self._up)
        if count:
            windows = sliding_window_view(source, self._taps)[at]
            out = np.einsum("nk,nk->n", windows, self._table[phase * self._phases // self._up])
        else:
            out = np.zeros(0, np.float32)
        self._next += self._down * count
        used = min(max(places, 0), self._next // self._up)
        self._kept = source[used:].copy()
        self._next -= used * self._up
        return out.astype(np.float32, copy=False)

    def flush(self) -> np.ndarray:
        """The tail that waits for samples to come, as if silence came."""
        if self._through:
            return np.zeros(0, np.float32)
        return self.push(np.zeros(self._taps // 2, np.float32))
