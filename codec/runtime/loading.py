"""Load a model to stream with, having no more of it in memory than streams need."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch

from codec.errors import ModelError
from codec.model.codec import Codec
from codec.model.config import PARTS, FocalCodecConfig
from codec.model.focalcodec import FocalCodec
from codec.runtime import stored
from codec.runtime.choice import chosen
from codec.runtime.freed import release_freed
from codec.runtime.packed import check_precision, packed
from codec.runtime.products import Precision
from codec.runtime.quick import QuickFocalCodec
from codec.runtime.sizes import sizes_of
from codec.safetensors_file import read_tensors
from codec.weights import BUNDLED, ModelFiles, at_rate, find, load, read_config, with_rate


def load_to_stream(
    path_or_name: str | Path = BUNDLED,
    device: str | torch.device = "cpu",
    precision: Precision | None = None,
) -> Codec:
    """Load a model for StreamEncoder and StreamDecoder.

    `path_or_name` is what `codec.weights.load` takes, and `precision` what `packed` does. A model
    comes packed, without its float32 weights; when a FocalCodec is first loaded in int8, these are
    kept as a file (`codec.runtime.stored`). Elsewhere than on the CPU a model runs as it is,
    whatever the precision. Raises what `load` raises, and PrecisionUnknown.
    """
    check_precision(precision)
    if torch.device(device).type != "cpu":
        return load(path_or_name, device)
    bare, bits = with_rate(path_or_name)
    files = _focalcodec(bare)
    if files is None:
        return packed(load(path_or_name), precision)
    codec = _quick(files, precision)
    return codec if bits is None else at_rate(codec, bits)


def keep_int8(path_or_name: str | Path) -> None:
    """Make the int8 file of a FocalCodec that this machine would run in int8, unless it is there.

    The first call that needs the model then doesn't wait for it. Other models are left as they are,
    as is one whose file fits nowhere. Raises what `codec.weights.load` raises.
    """
    files = _focalcodec(path_or_name)
    if files is None or stored.find(files) is not None:
        return
    choice = chosen(_count(files))
    if choice.precision == "int8":
        _convert(files, choice.threads)
        release_freed()


def _quick(files: ModelFiles, precision: Precision | None) -> Codec:
    kept = stored.find(files)
    choice = chosen(kept.weights if kept is not None else _count(files), precision)
    if choice.precision == "int8":
        return (kept and _stored(files, kept, choice.threads)) or _anew(files, choice.threads)
    return packed(load(files.config), choice.precision)


def _focalcodec(path_or_name: str | Path) -> ModelFiles | None:
    """A FocalCodec's files; None for what is another model or cannot be loaded."""
    with suppress(ModelError):
        files = find(path_or_name)
        config = read_config(files.config)
        if "model_type" not in config and config.get("encoder_name") == PARTS["encoder"]:
            return files
    return None


def _count(files: ModelFiles) -> int:
    """From the header alone. Raises what `codec.weights.load` raises of the file."""
    return sum(tensor.numel() for tensor in read_tensors(files.weights).values())


def _stored(files: ModelFiles, kept: stored.Stored, threads: int) -> QuickFocalCodec | None:
    """From the int8 file, which saves more than the rounding: to set up the plain model's
    structure alone, torch reads eight hundred modules of its own."""
    try:
        sizes = FocalCodecConfig.from_dict(read_config(files.config))
        with kept.open() as parts:
            return QuickFocalCodec(sizes, kept.spec, parts, "int8", kept.weights, threads)
    except (ModelError, OSError, ValueError, KeyError, RuntimeError):  # damaged within
        return None


def _anew(files: ModelFiles, threads: int) -> QuickFocalCodec:
    """From the checkpoint, writing the int8 file on the way, and then from that.

    What a conversion leaves behind, weights scattered among free memory, would else stay for as
    long as the model does.
    """
    converted = _convert(files, threads)
    kept = stored.find(files)
    if kept is None:
        return converted
    del converted
    release_freed()
    return _stored(files, kept, threads) or _convert(files, threads)


def _convert(files: ModelFiles, threads: int) -> QuickFocalCodec:
    plain = load(files.config)
    assert isinstance(plain, FocalCodec)
    parts = stored.KeptParts(plain.state_dict())
    weights = sum(parameter.numel() for parameter in plain.parameters())
    made = QuickFocalCodec(sizes_of(plain), plain.spec, parts, "int8", weights, threads)
    stored.keep(parts.kept, files, plain.spec, weights)
    return made
