"""A limiter: several voices at once, or one made louder, stay within full scale, unclipped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]

RELEASE_SECONDS = 0.3
"""The gain comes back so slowly, from nothing to one, that its coming is not heard."""


class Limiter:
    """Turns a stream down where it would leave ±1, at `rate` Hz. It adds no delay.

    Each block is looked at whole before any of it is played: the gain falls in a straight line
    from the block's start to the first sample that would be too loud, and stays there. Samples
    that fit pass untouched, bit by bit.
    """

    def __init__(self, rate: int) -> None:
        self._release = 1.0 / (RELEASE_SECONDS * rate)
        self._gain = 1.0

    def step(self, pcm: Pcm) -> Pcm:
        """The next block, shape (n,), within ±1."""
        loud = np.abs(pcm)
        peak = float(loud.max(initial=0.0))
        most = 1.0 / peak if peak > 1.0 else 1.0
        before = self._gain
        if before == most == 1.0:
            return pcm
        if most >= before:
            self._gain = min(most, before + self._release * len(pcm))
            gain = np.linspace(before, self._gain, len(pcm), dtype=np.float32)
        else:
            self._gain = most
            first = int(np.argmax(loud * before > 1.0))
            gain = np.full(len(pcm), most, np.float32)
            gain[:first] = np.linspace(before, most, first, endpoint=False, dtype=np.float32)
        return np.clip(pcm * gain, -1.0, 1.0)  # Against rounding alone.
