"""What every codec model is: five steps from speech to codes and back, each with explicit state.

    sig -> feats -> lats -> codes          (encode)
    codes -> qfeats -> sig                 (decode)

All tensors are (batch, time, channel) except `sig` (batch, samples) and `codes` (batch, frames).
A state is None at the start of a stream, and then what the last call gave: nested tuples of
tensors whose sizes never change. Lengths must be whole chunks of 4 frames (1280 input samples).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from codec.errors import BadAudio, BadCodes
from codec.spec import CHUNK_CODES, CHUNK_SAMPLES, CodecSpec

State = Any
"""Nested tuples of tensors of fixed sizes; opaque to all but the module that made it."""


class Codec(nn.Module, ABC):
    """Speech <-> codes. Holds weights only; every stream carries its own state."""

    spec: CodecSpec

    precision: str = "float32"
    """What the weights are kept in; `codec.runtime` makes codecs that have others."""

    weights: int | None = None
    """How many it has, where they are not its parameters."""

    threads: int = 1
    """How many of torch's threads a stream of one speaker gains from on this machine."""

    @abstractmethod
    def encode(self, sig: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 1280·n) samples at 16 kHz -> (batch, 4·n) codes, int64 in [0, 2^bits)."""

    @abstractmethod
    def dequantize(self, codes: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 4·n) codes -> (batch, 4·n, dim) decompressed features, `qfeats`."""

    @abstractmethod
    def vocode(self, qfeats: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 4·n, dim) features -> (batch, samples) at `spec.output_rate`, within ±1."""

    def decode(self, codes: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 4·n) codes -> (batch, samples) at `spec.output_rate`."""
        features_state, wave_state = state if state is not None else (None, None)
        qfeats, features_state = self.dequantize(codes, features_state)
        sig, wave_state = self.vocode(qfeats, wave_state)
        return sig, (features_state, wave_state)


def check_speech(sig: Tensor) -> None:
    """Raise BadAudio unless `sig` is (batch, whole chunks of samples), one at least."""
    if sig.ndim != 2 or sig.shape[1] == 0 or sig.shape[1] % CHUNK_SAMPLES:
        raise BadAudio(
            f"Speech must come as (streams, whole chunks of {CHUNK_SAMPLES} samples), "
            f"not {tuple(sig.shape)}."
        )


def check_codes(codes: Tensor) -> None:
    """Raise BadCodes unless `codes` is (batch, whole chunks of codes), one at least."""
    if codes.ndim != 2 or codes.shape[1] == 0 or codes.shape[1] % CHUNK_CODES:
        raise BadCodes(
            f"Codes must come as (streams, whole chunks of {CHUNK_CODES} codes), "
            f"not {tuple(codes.shape)}."
        )
