"""Find a model's two files, check them, and build the codec they describe.

A model is a config (JSON) and its weights (safetensors): a folder with `config.json` and
`model.safetensors`, or a pair `name.json` and `name.safetensors`. Weights may be stored small, as
float16 or as int8 with a scale for each row; they become float32 here, once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from codec.digest import model_digest
from codec.errors import (
    ModelConfigInvalid,
    ModelDamaged,
    ModelMissing,
    ModelShapeMismatch,
    ModelUnreadable,
    RateUnknown,
    UnknownModel,
)
from codec.model.codec import Codec
from codec.model.lite_config import MODEL_TYPE
from codec.safetensors_file import read_tensors

BUNDLED = "bundled"

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"

MIN_INT8_ELEMENTS = 4096
"""Smaller tensors stay as they are: they are a small part of the file and matter most."""

_SCALE = ".scale"


class ModelFiles(NamedTuple):
    config: Path
    weights: Path


def load(path_or_name: str | Path = BUNDLED, device: str | torch.device = "cpu") -> Codec:
    """Load a model, ready to run: float32, in evaluation mode.

    `path_or_name` is "bundled", a folder, or one of a pair of files `name.json`,
    `name.safetensors`; with `@12` behind it, the model at 12 bits a code, where it has that rate.
    Raises a ModelError that names the file and what is wrong with it.
    """
    path_or_name, bits = with_rate(path_or_name)
    files = find(path_or_name)
    config = read_config(files.config)
    tensors = dequantized(read_tensors(files.weights), files.weights)
    try:
        model = build(config)
    except ModelConfigInvalid as error:
        raise ModelConfigInvalid(error.problem, files.config) from error
    check_tensors(model.state_dict(), tensors, files.weights)
    check_finite(tensors, files.weights)
    model.spec = replace(model.spec, digest=model_digest(config, tensors))
    model.load_state_dict(tensors, strict=True, assign=True)
    model = model.eval().to(device)
    return model if bits is None else at_rate(model, bits)


def at_rate(codec: Codec, bits: int) -> Codec:
    """The model at `bits` bits a code: itself, or a view of it that shares its weights.

    Raises RateUnknown where the model was not made for that.
    """
    from codec.model.lite import LiteCodec
    from codec.model.nested import NestedCodec

    own = codec.spec.bits_per_code
    if bits == own:
        return codec
    rates = codec.rates if isinstance(codec, LiteCodec) else (own,)
    if not isinstance(codec, LiteCodec) or bits not in rates:
        raise RateUnknown(codec.spec.name, bits, rates)
    return NestedCodec(codec, bits)


def with_rate(path_or_name: str | Path) -> tuple[str | Path, int | None]:
    """`bundled@12` -> ("bundled", 12). A path that exists is what it says, @ and all."""
    name, _, bits = str(path_or_name).rpartition("@")
    if not name or not bits.isdecimal() or Path(path_or_name).exists():
        return path_or_name, None
    return name, int(bits)


def find(path_or_name: str | Path) -> ModelFiles:
    """The two files of a model; raises UnknownModel for a name, ModelMissing for a path."""
    if path_or_name == BUNDLED:
        folder = Path(str(resources.files("assets"))) / "model"
        return _existing(ModelFiles(folder / CONFIG_FILE, folder / WEIGHTS_FILE))
    path = Path(path_or_name).expanduser()
    if path.is_dir():
        return _existing(ModelFiles(path / CONFIG_FILE, path / WEIGHTS_FILE))
    if path.name == CONFIG_FILE or path.name == WEIGHTS_FILE:
        return _existing(ModelFiles(path.with_name(CONFIG_FILE), path.with_name(WEIGHTS_FILE)))
    stem = path.with_suffix("") if path.suffix in (".json", ".safetensors") else path
    pair = ModelFiles(_with_ending(stem, ".json"), _with_ending(stem, ".safetensors"))
    if stem is path and not any(file.exists() for file in pair) and len(path.parts) == 1:
        raise UnknownModel(str(path_or_name), (BUNDLED,))
    return _existing(pair)


def read_config(path: Path) -> dict[str, Any]:
    """The config as a dict; raises ModelMissing, ModelUnreadable or ModelConfigInvalid."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelMissing(path) from None
    except OSError as error:
        raise ModelUnreadable(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ModelConfigInvalid(f"it is not JSON ({error})", path) from error
    if not isinstance(config, dict):
        raise ModelConfigInvalid("it is not a JSON object", path)
    return config


def build(config: dict[str, Any]) -> Codec:
    """The codec a config describes, its weights not yet set; raises ModelConfigInvalid."""
    kind = config.get("model_type", config.get("encoder_name"))
    # The file's weights are to be the only ones made: FocalCodec's are a gigabyte.
    if kind == MODEL_TYPE:
        from codec.model.lite import LiteCodec

        with torch.device("meta"):
            return LiteCodec(config)
    if kind == "WavLM":
        from codec.model.focalcodec import FocalCodec

        with torch.device("meta"):
            return FocalCodec(config)
    raise ModelConfigInvalid('it names neither model_type "undertone-lite" nor encoder "WavLM"')


def check_tensors(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path | str
) -> None:
    """Raise ModelShapeMismatch for the first tensor missing, superfluous or of a wrong shape."""
    for name, tensor in expected.items():
        if name not in found:
            raise ModelShapeMismatch(path, name, "is missing")
        shape = tuple(found[name].shape)
        if shape != tuple(tensor.shape):
            problem = f"has the shape {shape} where {tuple(tensor.shape)} is needed"
            raise ModelShapeMismatch(path, name, problem)
    for name in found:
        if name not in expected:
            raise ModelShapeMismatch(path, name, "has no place in this model")


def check_finite(tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Raise ModelDamaged for the first tensor with an element that is no number or infinite."""
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ModelDamaged(path, name)


def dequantized(tensors: Mapping[str, Tensor], path: Path | str = "the file") -> dict[str, Tensor]:
    """Float32 from stored weights: `name` in int8 times `name.scale` by row; others widened.

    Raises ModelShapeMismatch (naming `path`) where an int8 tensor has no scale that fits.
    """
    result: dict[str, Tensor] = {}
    scales = {n + _SCALE for n, tensor in tensors.items() if tensor.dtype == torch.int8}
    for name, tensor in tensors.items():
        if name in scales:
            continue
        if tensor.dtype == torch.int8:
            scale = tensors.get(name + _SCALE)
            if scale is None or scale.numel() != tensor.shape[0]:
                raise ModelShapeMismatch(path, name, "is int8 without a scale for each row")
            by_row = scale.float().view(-1, *[1] * (tensor.ndim - 1))
            result[name] = tensor.float() * by_row
        else:
            result[name] = tensor.float()
    return result


def quantized_int8(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The reverse of `dequantized` for large matrices: int8, symmetric, a scale for each row.

    Tensors of two or more dimensions and at least MIN_INT8_ELEMENTS elements become
    `name` (int8) and `name.scale` (float32, one for each index of the first dimension); the
    largest magnitude of a row becomes 127. The rest is passed on.
    """
    result: dict[str, Tensor] = {}
    for name, tensor in state_dict.items():
        large = tensor.ndim >= 2 and tensor.numel() >= MIN_INT8_ELEMENTS
        if not (large and tensor.is_floating_point()):
            result[name] = tensor.contiguous()
            continue
        rows = tensor.detach().float().flatten(1)
        scale = (rows.abs().amax(dim=1) / 127.0).clamp(min=torch.finfo(torch.float32).tiny)
        levels = (rows / scale[:, None]).round().clamp(-127, 127)
        result[name] = levels.to(torch.int8).view(tensor.shape)
        result[name + _SCALE] = scale
    return result


def _existing(files: ModelFiles) -> ModelFiles:
    for file in files:
        if not file.is_file():
            raise ModelMissing(file)
    return files


def _with_ending(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)
