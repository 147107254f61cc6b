"""FocalCodec-Stream in the form that keeps up with speech: the same numbers, laid out to be quick.

What `codec.model.focalcodec` computes, a chunk at a time: convolutions as matrix products with
weights packed for this machine, pasts in rings, several streams as rows of one product.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from codec.errors import BadFeatures
from codec.model.codec import Codec, check_codes, check_speech
from codec.model.config import FocalCodecConfig
from codec.model.quantizer import BinarySphericalQuantizer
from codec.runtime.parts import Parts
from codec.runtime.products import Precision
from codec.runtime.quick_encoder import QuickEncoder
from codec.runtime.quick_focal import QuickCompressor, QuickDecompressor
from codec.runtime.quick_vocoder import QuickVocoder
from codec.runtime.rings import Streams, begun
from codec.spec import CHUNK_CODES, CHUNK_SAMPLES, CodecSpec


class QuickFocalCodec(Codec):
    """Speech <-> codes in a precision. Has the methods of FocalCodec, and no parameters.

    A state holds a memory for each stream of the batch, which every call changes in place: it is
    to be used once, as a stream does. It isn't one for the plain FocalCodec, nor the other way.
    """

    def __init__(
        self,
        config: FocalCodecConfig,
        spec: CodecSpec,
        parts: Parts,
        precision: Precision,
        weights: int,
        threads: int = 1,
    ) -> None:
        super().__init__()
        self.spec, self.precision, self.weights = spec, precision, weights
        self.threads = threads
        self.quantizer = BinarySphericalQuantizer(config.quantizer.bits)
        with torch.inference_mode():
            self._encoder = QuickEncoder(parts, config.encoder)
            self._compressor = QuickCompressor(parts, config.compressor)
            self._decompressor = QuickDecompressor(parts, config.decompressor)
            self._vocoder = QuickVocoder(parts, config.decoder)

    def encode(
        self, sig: Tensor, state: tuple[Streams, Streams] | None = None
    ) -> tuple[Tensor, tuple[Streams, Streams]]:
        encoder, compressor = state if state is not None else (None, None)
        feats, encoder = self.sig_to_feats(sig, encoder)
        lats, compressor = self.feats_to_lats(feats, compressor)
        return self.quantizer.to_codes(lats), (encoder, compressor)

    @torch.inference_mode()
    def sig_to_feats(self, sig: Tensor, state: Streams | None = None) -> tuple[Tensor, Streams]:
        """(batch, 1280·n) samples at 16 kHz -> (batch, 4·n, dim) features; or BadAudio."""
        check_speech(sig)
        state = begun(state, len(sig))
        feats = [
            torch.cat([self._encoder(chunk, memory) for chunk in one.split(CHUNK_SAMPLES)])
            for one, memory in zip(sig, state, strict=True)
        ]
        return torch.stack(feats), state

    def feats_to_lats(self, feats: Tensor, state: Streams | None = None) -> tuple[Tensor, Streams]:
        """(batch, 4·n, dim) features -> (batch, 4·n, bits) latents, before the sphere."""
        return _by_chunk(self._compressor, feats, state)

    def lats_to_codes(self, lats: Tensor) -> Tensor:
        """(batch, T, bits) latents -> (batch, T) codes, int64 in [0, 2^bits)."""
        return self.quantizer.to_codes(lats)

    def dequantize(self, codes: Tensor, state: Streams | None = None) -> tuple[Tensor, Streams]:
        check_codes(codes)
        return _by_chunk(self._decompressor, self.quantizer.to_vectors(codes), state)

    def vocode(self, qfeats: Tensor, state: Streams | None = None) -> tuple[Tensor, Streams]:
        if qfeats.ndim != 3 or qfeats.shape[1] == 0 or qfeats.shape[1] % CHUNK_CODES:
            raise BadFeatures(f"Features must be (streams, whole chunks, dim), not {qfeats.shape}.")
        wave, state = _by_chunk(self._vocoder, qfeats, state)
        return wave.flatten(1), state


@torch.inference_mode()
def _by_chunk(
    step: Callable[[Tensor, Streams], Tensor], x: Tensor, state: Streams | None
) -> tuple[Tensor, Streams]:
    """Run (batch, 4·n, channels) through a step whose rows are the frames of all streams."""
    batch = len(x)
    state = begun(state, batch)
    ys = []
    for chunk in x.split(CHUNK_CODES, dim=1):
        y = step(chunk.reshape(batch * CHUNK_CODES, -1), state)
        ys.append(y.view(batch, CHUNK_CODES, -1))
    return (ys[0] if len(ys) == 1 else torch.cat(ys, dim=1)), state
