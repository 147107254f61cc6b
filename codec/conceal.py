"""What to play for a chunk that never came.

The last code heard is held, so that the decoder goes on with the sound it was making, and fades
within four chunks: a lost chunk is then a sound drawn out, a longer gap a pause, and neither a
buzz. Between gains the samples are ramped, never stepped, so that nothing clicks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.spec import CHUNK_CODES

FADE = (0.8, 0.4, 0.15, 0.0)
"""The gain reached at the end of the first, second, … chunk lost in a row; silence thereafter."""

RECOVERY = 0.25
"""The part of the first chunk after a loss over which the gain comes back: 20 ms, short so that
the onset of a word is not swallowed."""


@dataclass(frozen=True)
class Playout:
    """What to decode and how loud. `codes` None means silence, with nothing to decode.

    The gain goes in a straight line from `gain_from` to `gain_to` over the first `ramp` (0 to 1)
    of the chunk, and stays there.
    """

    codes: NDArray[np.int64] | None
    gain_from: float
    gain_to: float
    ramp: float = 1.0

    def shape(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """The decoded samples at their gain; untouched where that is 1 throughout."""
        if self.gain_from == self.gain_to == 1.0:
            return pcm
        ramp_samples = max(1, round(self.ramp * len(pcm)))
        gain = np.full(len(pcm), self.gain_to, np.float32)
        gain[:ramp_samples] = np.linspace(
            self.gain_from, self.gain_to, ramp_samples, endpoint=False, dtype=np.float32
        )
        return pcm * gain


class Concealer:
    """Follows what was heard and lost of one stream."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start a new stream: nothing heard, nothing lost."""
        self._last: int | None = None
        self._losses = 0
        self._gain = 1.0

    def heard(self, codes: NDArray[np.int64]) -> Playout:
        """A chunk came."""
        playout = Playout(codes, self._gain, 1.0, RECOVERY)
        self._last, self._losses, self._gain = int(codes[-1]), 0, 1.0
        return playout

    def lost(self) -> Playout:
        """A chunk did not come."""
        gain_from = self._gain
        self._gain = FADE[min(self._losses, len(FADE) - 1)] if self._last is not None else 0.0
        self._losses += 1
        if self._last is None or gain_from == self._gain == 0.0:
            return Playout(None, 0.0, 0.0)
        return Playout(np.full(CHUNK_CODES, self._last), gain_from, self._gain)
