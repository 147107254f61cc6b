"""The config of a FocalCodec-Stream checkpoint: what may be left out, and what must be so.

A published `config.json` names five parts and for each only the fields that differ from the
defaults below, which are the full size. Some fields of the format choose variants (non-causal,
post-norm, layer scale, other frame rates) that no streaming checkpoint uses; a config that asks
for one is refused rather than computed wrongly. Fields that do not change the numbers (dropout,
cache hints, initial values) are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from codec.errors import ModelConfigInvalid
from codec.spec import CHUNK_CODES, CHUNK_SAMPLES, FOCALCODEC_MODEL_IDS

MAX_DELAY = 24_000
"""Samples a decoder may lag: a second."""

PARTS = {
    "encoder": "WavLM",
    "compressor": "FocalEncoder",
    "quantizer": "BinarySphericalQuantizer",
    "decompressor": "FocalDecoder",
    "decoder": "WaveNeXt",
}

_NO_EFFECT = {
    "dropout",
    "max_cached_steps",
    "use_flex_attention",
    "layerscale_init",
    "tanhscale_init",
}

_ONLY: dict[str, Any] = {
    "causal": True,
    "lookahead_size": CHUNK_CODES - 1,
    "use_post_norm": False,
    "use_layerscale": False,
    "normalize_modulator": False,
}


@dataclass(frozen=True)
class EncoderConfig:
    hidden_dims: tuple[int, ...] = (512,) * 7
    kernel_sizes: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    num_layers: int = 6
    dim: int = 1024
    ffn_dim: int = 4096
    num_heads: int = 16
    num_buckets: int = 320
    max_distance: int = 800
    conv_pos: int = 128
    conv_pos_groups: int = 16
    window_size: int = 512


@dataclass(frozen=True)
class CompressorConfig:
    output_dim: int
    input_dim: int = 1024
    hidden_dims: tuple[int, ...] = (1024, 1024, 1024)
    downscale_factors: tuple[int, ...] = (1, 1, 1)
    focal_window: int = 14
    focal_level: int = 2
    focal_factor: int = 4
    window_size: int = 512


@dataclass(frozen=True)
class QuantizerConfig:
    codebook_size: int = 4096

    @property
    def bits(self) -> int:
        return self.codebook_size.bit_length() - 1


@dataclass(frozen=True)
class DecompressorConfig:
    input_dim: int
    output_dim: int = 1024
    hidden_dims: tuple[int, ...] = (1024, 1024, 1024)
    upscale_factors: tuple[int, ...] = (1, 1, 1)
    focal_window: int = 14
    focal_level: int = 2
    focal_factor: int = 4
    window_size: int = 512
    last_window_size: int = 512


@dataclass(frozen=True)
class DecoderConfig:
    input_dim: int = 1024
    num_layers: int = 8
    dim: int = 1024
    ffn_dim: int = 2048
    kernel_size: int = 7
    hop_length: int = 480


@dataclass(frozen=True)
class FocalCodecConfig:
    """All sizes of a FocalCodec-Stream model, consistent with one another.

    `delay_samples`, at the output rate, is how far its decoder was trained to lag; the published
    configs do not name it.
    """

    encoder: EncoderConfig
    compressor: CompressorConfig
    quantizer: QuantizerConfig
    decompressor: DecompressorConfig
    decoder: DecoderConfig
    delay_samples: int = 0

    @staticmethod
    def from_dict(config: Mapping[str, Any]) -> FocalCodecConfig:
        """Fill in the defaults and check; raises ModelConfigInvalid with the offending field."""
        for part, expected in PARTS.items():
            name = config.get(f"{part}_name", expected)
            if name != expected:
                raise ModelConfigInvalid(f'{part}_name is "{name}", only "{expected}" is known')
        quantizer = _read(QuantizerConfig, "quantizer", config)
        if quantizer.codebook_size not in FOCALCODEC_MODEL_IDS:
            sizes = ", ".join(map(str, FOCALCODEC_MODEL_IDS))
            raise ModelConfigInvalid(
                f"codebook_size is {quantizer.codebook_size}, not one of {sizes}"
            )
        # The latent has one channel a bit, so its size follows from the codebook.
        result = FocalCodecConfig(
            _read(EncoderConfig, "encoder", config),
            _read(CompressorConfig, "compressor", config, output_dim=quantizer.bits),
            quantizer,
            _read(DecompressorConfig, "decompressor", config, input_dim=quantizer.bits),
            _read(DecoderConfig, "decoder", config),
            config.get("delay_samples", 0),
        )
        result._check()
        return result

    def _check(self) -> None:
        encoder, compressor = self.encoder, self.compressor
        decompressor, decoder = self.decompressor, self.decoder
        bits = self.quantizer.bits
        samples_per_frame = 1
        for stride in encoder.strides:
            samples_per_frame *= stride
        pad_free = zip(encoder.kernel_sizes, encoder.strides, strict=False)
        conditions = {
            f"delay_samples is {self.delay_samples!r:.80}, not a number 0 to {MAX_DELAY}": (
                type(self.delay_samples) is int and 0 <= self.delay_samples <= MAX_DELAY
            ),
            "encoder hidden_dims, kernel_sizes and strides differ in length": len(
                {len(encoder.hidden_dims), len(encoder.kernel_sizes), len(encoder.strides)}
            )
            == 1,
            "encoder strides do not give 50 frames a second": samples_per_frame * CHUNK_CODES
            == CHUNK_SAMPLES,
            "an encoder kernel is shorter than its stride": all(k >= s for k, s in pad_free),
            "encoder dim is not a multiple of num_heads": encoder.dim % encoder.num_heads == 0,
            "encoder dim is not a multiple of conv_pos_groups": encoder.dim
            % encoder.conv_pos_groups
            == 0,
            "encoder num_buckets is not a multiple of 4": encoder.num_buckets % 4 == 0,
            "encoder max_distance is too small": encoder.max_distance > encoder.num_buckets // 4,
            "encoder window_size is not a multiple of 4": encoder.window_size % CHUNK_CODES == 0,
            "compressor output_dim is not log2(codebook_size)": compressor.output_dim == bits,
            "decompressor input_dim is not log2(codebook_size)": decompressor.input_dim == bits,
            "compressor input_dim is not encoder dim": compressor.input_dim == encoder.dim,
            "decoder input_dim is not decompressor output_dim": decoder.input_dim
            == decompressor.output_dim,
            "downscale_factors are not all 1": len(compressor.downscale_factors)
            == len(compressor.hidden_dims)
            and set(compressor.downscale_factors) == {1},
            "upscale_factors are not all 1": len(decompressor.upscale_factors)
            == len(decompressor.hidden_dims)
            and set(decompressor.upscale_factors) == {1},
        }
        for problem, fine in conditions.items():
            if not fine:
                raise ModelConfigInvalid(problem)


Part = TypeVar(
    "Part", EncoderConfig, CompressorConfig, QuantizerConfig, DecompressorConfig, DecoderConfig
)


def _read(kind: type[Part], part: str, config: Mapping[str, Any], **derived: int) -> Part:
    given = config.get(f"{part}_config", {})
    if not isinstance(given, Mapping):
        raise ModelConfigInvalid(f"{part}_config is not an object")
    known = {field.name for field in fields(kind)}
    values: dict[str, Any] = dict(derived)
    for name, value in given.items():
        if name in known:
            values[name] = _sizes(part, name, value)
        elif name in _ONLY:
            if value != _ONLY[name]:
                raise ModelConfigInvalid(
                    f"{part} {name} is {value!r}, only {_ONLY[name]!r} can be built"
                )
        elif name not in _NO_EFFECT:
            raise ModelConfigInvalid(f"{part} has an unknown field {name!r}")
    return kind(**values)


def _sizes(part: str, name: str, value: Any) -> int | tuple[int, ...]:
    """A positive integer, or a tuple of them where the field's name is a plural."""
    plural = name.endswith(("_dims", "_sizes", "strides", "_factors"))
    items = value if plural and isinstance(value, list | tuple) else [value]
    good = all(type(item) is int and item > 0 for item in items) and len(items) > 0
    if not good or (plural and items is not value):
        raise ModelConfigInvalid(f"{part} {name} is {value!r}, not a positive whole number or list")
    return tuple(items) if plural else items[0]
