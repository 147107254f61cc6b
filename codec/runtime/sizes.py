"""The sizes of a FocalCodec that is at hand as modules, without the config it was made from."""

from __future__ import annotations

from itertools import count, takewhile
from typing import cast

from torch import Size

from codec.model.config import (
    CompressorConfig,
    DecoderConfig,
    DecompressorConfig,
    EncoderConfig,
    FocalCodecConfig,
    QuantizerConfig,
)
from codec.model.encoder import ConvBlock
from codec.model.focalcodec import FocalCodec

Shapes = dict[str, Size]


def sizes_of(codec: FocalCodec) -> FocalCodecConfig:
    """What `FocalCodecConfig.from_dict` gives for the config this codec was built from."""
    shapes = {name: tensor.shape for name, tensor in codec.state_dict().items()}
    bits = codec.quantizer.bits
    return FocalCodecConfig(
        _encoder(codec, shapes),
        _compressor(shapes, bits),
        QuantizerConfig(1 << bits),
        _decompressor(shapes, bits),
        _decoder(shapes),
        codec.spec.delay_samples,
    )


def _numbered(shapes: Shapes, name: str) -> list[Size]:
    """Of the tensors called `name` with 0, 1, … in place of #, as many as there are."""
    names = (name.replace("#", str(i)) for i in count())
    return [shapes[name] for name in takewhile(lambda name: name in shapes, names)]


def _encoder(codec: FocalCodec, shapes: Shapes) -> EncoderConfig:
    convs = _numbered(shapes, "encoder.feature_extractor.layers.#.conv.weight")
    blocks = [cast(ConvBlock, block) for block in codec.encoder.feature_extractor.layers]
    wide = _numbered(shapes, "encoder.encoder.layers.#.feed_forward.in_proj.weight")
    transformer = codec.encoder.encoder
    positional = transformer.positional_embedding.conv
    return EncoderConfig(
        hidden_dims=tuple(shape[0] for shape in convs),
        kernel_sizes=tuple(shape[2] for shape in convs),
        strides=tuple(block.conv.stride[0] for block in blocks),
        num_layers=len(wide),
        dim=positional.out_channels,
        ffn_dim=wide[0][0],
        num_heads=transformer.num_heads,
        num_buckets=transformer.relative_embedding.num_embeddings,
        max_distance=transformer.max_distance,
        conv_pos=positional.kernel_size[0],
        conv_pos_groups=positional.groups,
        window_size=transformer.window,
    )


def _compressor(shapes: Shapes, bits: int) -> CompressorConfig:
    downscales = _numbered(shapes, "compressor.layers.#.downscale.downscale.weight")
    *local, last = _kernels(shapes, "compressor.layers.0")
    return CompressorConfig(
        output_dim=bits,
        input_dim=downscales[0][1],
        hidden_dims=tuple(shape[0] for shape in downscales),
        downscale_factors=(1,) * len(downscales),
        focal_window=local[0],
        focal_level=len(local),
        focal_factor=_step(local),
        window_size=last,
    )


def _decompressor(shapes: Shapes, bits: int) -> DecompressorConfig:
    upscales = _numbered(shapes, "decompressor.layers.#.upscale.upscale.weight")
    *local, first = _kernels(shapes, "decompressor.layers.0")
    *_, last = _kernels(shapes, f"decompressor.layers.{len(upscales) - 1}")
    return DecompressorConfig(
        input_dim=bits,
        output_dim=upscales[-1][1],
        hidden_dims=tuple(shape[0] for shape in upscales),
        upscale_factors=(1,) * len(upscales),
        focal_window=local[0],
        focal_level=len(local),
        focal_factor=_step(local),
        window_size=first,
        last_window_size=last,
    )


def _kernels(shapes: Shapes, stage: str) -> list[int]:
    levels = _numbered(shapes, f"{stage}.focal_block.modulation.layers.#.0.weight")
    return [shape[2] for shape in levels]


def _step(kernels: list[int]) -> int:
    """From one local level to the next; what is usual where there is but one."""
    return kernels[1] - kernels[0] if len(kernels) > 1 else CompressorConfig.focal_factor


def _decoder(shapes: Shapes) -> DecoderConfig:
    embedding = shapes["decoder.backbone.embedding.weight"]
    wide = _numbered(shapes, "decoder.backbone.layers.#.pwconv1.weight")
    return DecoderConfig(
        input_dim=embedding[1],
        num_layers=len(wide),
        dim=embedding[0],
        ffn_dim=wide[0][0],
        kernel_size=embedding[2],
        hop_length=shapes["decoder.head.proj.weight"][0],
    )
