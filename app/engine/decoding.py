"""Peers' chunks -> their sound, those of one model in one pass."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.audio.mixer import Pcm
from app.audio.resample import Resampler
from codec.model.codec import Codec
from codec.rates import RatesDecoder
from codec.stream import step_together


@dataclass(frozen=True)
class Due:
    """A chunk that is to be decoded now: (4,) codes, or None for a lost one.

    `ahead` seconds of sound are before it, and it is played `change` seconds longer than it is.
    """

    codes: NDArray[np.int64] | None
    model: Hashable
    """And its rate: what it can be decoded with."""
    ahead: float
    change: float = 0.0


class Decoding:
    """One peer's speech in one model, at the rate everything is mixed at."""

    def __init__(self, codec: Codec, rate: int) -> None:
        self._decoder = RatesDecoder(codec)
        self._decoder.warm_up()
        self._resampler = Resampler(codec.spec.output_rate, rate)
        self._codec = codec
        self.model = self.model_at(codec.spec.model_id)
        """What chunks are decoded with now; those of other peers may be so in the same pass."""

    def model_at(self, model_id: int) -> Hashable:
        """The `model` at the rate of this id."""
        return self._codec, model_id

    def use(self, model_id: int) -> None:
        """Take what comes next to be at the rate of this id."""
        self._decoder.use(model_id)
        self.model = self.model_at(model_id)

    @staticmethod
    def step(each: Sequence[Decoding], codes: Sequence[NDArray[np.int64] | None]) -> list[Pcm]:
        """A chunk of each, all of one `model` -> (n,) float32 each."""
        waves = step_together([one._decoder for one in each], codes)
        return [one._resampler.push(wave) for one, wave in zip(each, waves, strict=True)]
