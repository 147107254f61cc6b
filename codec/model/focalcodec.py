"""FocalCodec-Stream (arXiv 2509.16195; non-streaming parent: arXiv 2502.04465).

Tensor names are those of the published checkpoints, so that their weights load as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from codec.errors import BadFeatures
from codec.model.codec import Codec, check_codes, check_speech
from codec.model.config import FocalCodecConfig
from codec.model.encoder import Encoder, EncoderState
from codec.model.focal import Compressor, Decompressor, FocalStackState
from codec.model.quantizer import BinarySphericalQuantizer
from codec.model.vocoder import VocoderState, WaveNeXt
from codec.spec import (
    CHUNK_CODES,
    CHUNK_SAMPLES,
    CODES_PER_SECOND,
    FOCALCODEC_MODEL_IDS,
    MODEL_NAMES,
    CodecSpec,
)

BLOCK_CHUNKS = 64
"""Chunks computed at once. It bounds the memory of a pass over a whole file, attention's above all
(frames x (window + frames) x heads), without changing the numbers."""

StateT = TypeVar("StateT")


class EncodeState(NamedTuple):
    encoder: EncoderState
    compressor: FocalStackState


class FocalCodec(Codec):
    """Speech <-> codes, built from the dict of a checkpoint's config.json.

    Raises ModelConfigInvalid where the config asks for what this codec is not.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        sizes = FocalCodecConfig.from_dict(config)
        self.encoder = Encoder(sizes.encoder)
        self.compressor = Compressor(sizes.compressor)
        self.quantizer = BinarySphericalQuantizer(sizes.quantizer.bits)
        self.decompressor = Decompressor(sizes.decompressor)
        self.decoder = WaveNeXt(sizes.decoder)
        model_id = FOCALCODEC_MODEL_IDS[sizes.quantizer.codebook_size]
        self.spec = CodecSpec(
            name=MODEL_NAMES[model_id],
            model_id=model_id,
            bits_per_code=sizes.quantizer.bits,
            output_rate=CODES_PER_SECOND * sizes.decoder.hop_length,
            delay_samples=sizes.delay_samples,
        )

    def encode(self, sig: Tensor, state: EncodeState | None = None) -> tuple[Tensor, EncodeState]:
        encoder, compressor = state if state is not None else (None, None)
        feats, encoder = self.sig_to_feats(sig, encoder)
        lats, compressor = self.feats_to_lats(feats, compressor)
        return self.lats_to_codes(lats), EncodeState(encoder, compressor)

    def sig_to_feats(
        self, sig: Tensor, state: EncoderState | None = None
    ) -> tuple[Tensor, EncoderState]:
        """(batch, 1280·n) samples at 16 kHz -> (batch, 4·n, dim) features; or BadAudio."""
        check_speech(sig)
        return in_blocks(self.encoder, sig, state, BLOCK_CHUNKS * CHUNK_SAMPLES)

    def feats_to_lats(
        self, feats: Tensor, state: FocalStackState | None = None
    ) -> tuple[Tensor, FocalStackState]:
        """(batch, T, dim) features -> (batch, T, bits) latents, before the sphere."""
        return in_blocks(self.compressor, feats, state, BLOCK_CHUNKS * CHUNK_CODES)

    def lats_to_codes(self, lats: Tensor) -> Tensor:
        """(batch, T, bits) latents -> (batch, T) codes, int64 in [0, 2^bits)."""
        return self.quantizer.to_codes(lats)

    def dequantize(
        self, codes: Tensor, state: FocalStackState | None = None
    ) -> tuple[Tensor, FocalStackState]:
        check_codes(codes)
        vectors = self.quantizer.to_vectors(codes)
        return in_blocks(self.decompressor, vectors, state, BLOCK_CHUNKS * CHUNK_CODES)

    def vocode(
        self, qfeats: Tensor, state: VocoderState | None = None
    ) -> tuple[Tensor, VocoderState]:
        if qfeats.ndim != 3 or qfeats.shape[1] == 0:
            raise BadFeatures(f"Features must be (streams, frames, dim), not {qfeats.shape}.")
        return in_blocks(self.decoder, qfeats, state, BLOCK_CHUNKS * CHUNK_CODES)


def in_blocks(
    step: Callable[[Tensor, StateT | None], tuple[Tensor, StateT]],
    x: Tensor,
    state: StateT | None,
    block: int,
) -> tuple[Tensor, StateT]:
    """Run a streaming step over `x` (batch, time, …), at most `block` of time at once."""
    y, state = step(x[:, :block], state)
    if x.shape[1] <= block:
        return y, state
    ys = [y]
    for start in range(block, x.shape[1], block):
        y, state = step(x[:, start : start + block], state)
        ys.append(y)
    return torch.cat(ys, dim=1), state
