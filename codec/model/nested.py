"""One model at several rates: a code's first bits are a code of their own.

The quantiser's latents are trained in order, the most telling first (as the residual stages of
SoundStream are by quantiser dropout, arXiv 2107.03312): a receiver of the first 11 or 12 bits of
each code of 16 decodes the same speech, less finely. A lower rate is a view of the model and
shares its weights; streams may change from one view to another between any two chunks, for the
state is the same.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from codec.model.codec import Codec, State, check_codes
from codec.model.lite import LiteCodec
from codec.spec import NESTED_MODEL_IDS


def kept_bits(bits: int, of: int) -> Tensor:
    """(of,) ones and zeros: the first `bits` of them are ones."""
    return (torch.arange(of) < bits).float()


class NestedCodec(Codec):
    """A model that sends only the first `bits` bits of each of its codes."""

    kept: Tensor

    def __init__(self, whole: LiteCodec, bits: int) -> None:
        super().__init__()
        self.whole, self.precision = whole, whole.precision
        self.spec = replace(whole.spec, bits_per_code=bits, model_id=NESTED_MODEL_IDS[bits])
        self._left_out = whole.spec.bits_per_code - bits
        self.register_buffer("kept", kept_bits(bits, whole.spec.bits_per_code), persistent=False)

    def encode(self, sig: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        codes, state = self.whole.encode(sig, state)
        return codes >> self._left_out, state

    def dequantize(self, codes: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        check_codes(codes)
        vectors = self.whole.quantizer.to_vectors(codes << self._left_out) * self.kept
        return self.whole.decompress(vectors, state)

    def vocode(self, qfeats: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        return self.whole.vocode(qfeats, state)
