"""The config of a model of the undertone-lite family: every size, checked before it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from codec.errors import ModelConfigInvalid
from codec.spec import NESTED_MODEL_IDS

MODEL_TYPE = "undertone-lite"

MEL_FRAME = 160
"""Samples between spectrum frames: 10 ms, two of them to a code."""

MAX_NAME = 64
MAX_BLOCKS = 64
MAX_KERNEL = 1024

_RANGES = {
    "bits": (1, 16),
    "window": (MEL_FRAME, 16_384),
    "bands": (1, 1024),
    "low_bins": (0, 8193),
    "wave_window": (2 * MEL_FRAME, 10 * MEL_FRAME),
}
_OTHER_SIZES = (1, 16_384)


@dataclass(frozen=True)
class LiteConfig:
    """All sizes of an undertone-lite model; windows are in samples at 16 kHz.

    `…_kernels` gives each block of a stack its width in frames, and so their number; `…_mixers`
    names the blocks, from 0, that a chunk mixer stands behind. `rates` are the bits a code at which
    the model may be used (`codec.model.nested`), the last of them `bits`, which is the default.
    """

    name: str
    bits: int
    window: int
    bands: int
    low_bins: int
    encoder_dim: int
    encoder_hidden: int
    encoder_kernels: tuple[int, ...]
    encoder_mixers: tuple[int, ...]
    mixer_hidden: int
    decoder_dim: int
    decoder_hidden: int
    decoder_kernels: tuple[int, ...]
    decoder_mixers: tuple[int, ...]
    vocoder_dim: int
    vocoder_hidden: int
    vocoder_kernels: tuple[int, ...]
    wave_window: int
    rates: tuple[int, ...]

    @staticmethod
    def from_dict(config: Mapping[str, Any]) -> LiteConfig:
        """Read and check a `config.json`; raises ModelConfigInvalid with the offending field."""
        names = [field.name for field in fields(LiteConfig)]
        for name in config:
            if name not in names and name != "model_type":
                raise ModelConfigInvalid(f"it has an unknown field {name!r}")
        config = {"rates": [config["bits"]] if "bits" in config else []} | dict(config)
        for name in names:
            if name not in config:
                raise ModelConfigInvalid(f"{name} is missing")
        result = LiteConfig(**{name: _value(name, config[name]) for name in names})
        result._check()
        return result

    def _check(self) -> None:
        """What must hold between the fields."""
        if self.low_bins > self.window // 2 + 1:
            raise ModelConfigInvalid(
                f"low_bins is {self.low_bins}, but a window of {self.window} samples has "
                f"{self.window // 2 + 1} bins"
            )
        if self.wave_window % MEL_FRAME:
            raise ModelConfigInvalid(
                f"wave_window is {self.wave_window}, not a multiple of {MEL_FRAME}"
            )
        for bits in self.rates[:-1]:
            if bits not in NESTED_MODEL_IDS:
                offered = sorted(NESTED_MODEL_IDS)
                raise ModelConfigInvalid(f"rates has {bits}, which is none of {offered}")
        if list(self.rates) != sorted(set(self.rates)) or self.rates[-1] != self.bits:
            raise ModelConfigInvalid(
                f"rates is {list(self.rates)}, not rising numbers that end with bits, {self.bits}"
            )
        for part, kernels, mixers in (
            ("encoder", self.encoder_kernels, self.encoder_mixers),
            ("decoder", self.decoder_kernels, self.decoder_mixers),
        ):
            if len(set(mixers)) < len(mixers) or any(i >= len(kernels) for i in mixers):
                raise ModelConfigInvalid(
                    f"{part}_mixers is {list(mixers)}, not different numbers below {len(kernels)}, "
                    f"the number of {part}_kernels"
                )


def _value(name: str, value: Any) -> Any:
    if name == "name":
        if isinstance(value, str) and 1 <= len(value) <= MAX_NAME and value.isprintable():
            return value
        raise ModelConfigInvalid(f"name is {value!r:.80}, not a text of 1 to {MAX_NAME} letters")
    if name == "rates":
        return _numbers(name, value, _RANGES["bits"], at_least=1)
    if name.endswith("_kernels"):
        return _numbers(name, value, (1, MAX_KERNEL), at_least=1)
    if name.endswith("_mixers"):
        return _numbers(name, value, (0, MAX_BLOCKS - 1), at_least=0)
    low, high = _RANGES.get(name, _OTHER_SIZES)
    if not _is_number(value, low, high):
        raise ModelConfigInvalid(f"{name} is {value!r:.80}, not a whole number {low} to {high}")
    return value


def _numbers(name: str, value: Any, limits: tuple[int, int], at_least: int) -> tuple[int, ...]:
    low, high = limits
    if (
        isinstance(value, list | tuple)
        and at_least <= len(value) <= MAX_BLOCKS
        and all(_is_number(item, low, high) for item in value)
    ):
        return tuple(value)
    raise ModelConfigInvalid(
        f"{name} is {value!r:.80}, not a list of {at_least} to {MAX_BLOCKS} whole numbers "
        f"{low} to {high}"
    )


def _is_number(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high  # True and False are no sizes
