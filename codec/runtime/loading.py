"""Load a model to stream with, having no more of it in memory than streams need."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from codec.errors import ModelConfigInvalid, ModelError
from codec.model.codec import Codec
from codec.model.focalcodec import FocalCodec
from codec.runtime import stored
from codec.runtime.choice import chosen
from codec.runtime.packed import check_precision, packed
from codec.runtime.products import Precision
from codec.runtime.quick import QuickFocalCodec
from codec.runtime.sizes import sizes_of
from codec.weights import BUNDLED, ModelFiles, build, find, load, read_config


def load_to_stream(
    path_or_name: str | Path = BUNDLED,
    device: str | torch.device = "cpu",
    precision: Precision | None = None,
) -> Codec:
    """Load a model for StreamEncoder, StreamDecoder and PeersDecoder.

    `path_or_name` is what `codec.weights.load` takes, and `precision` what `packed` does. A
    FocalCodec comes without its float32 weights; when it is first loaded in int8, these are kept
    as a file (`codec.runtime.stored`). Elsewhere than on the CPU a model runs as it is, whatever
    the precision. Raises what `load` raises, and PrecisionUnknown.
    """
    check_precision(precision)
    if torch.device(device).type != "cpu":
        return load(path_or_name, device)
    files, model = _focalcodec(path_or_name)
    if model is None or files is None:
        return packed(load(path_or_name), precision)
    weights = sum(tensor.numel() for tensor in model.state_dict().values())
    precision = precision or chosen(weights).precision
    if precision == "int8":
        return _stored(files, model) or _kept(files)
    plain = load(files.config)
    assert isinstance(plain, FocalCodec)
    return packed(plain, precision)


def _focalcodec(path_or_name: str | Path) -> tuple[ModelFiles | None, FocalCodec | None]:
    """A FocalCodec's files and structure; None for what is another model or cannot be loaded."""
    with suppress(ModelError):
        files = find(path_or_name)
        with suppress(ModelConfigInvalid):
            model = build(read_config(files.config))
            if isinstance(model, FocalCodec):
                return files, model
    return None, None


def _stored(files: ModelFiles, model: FocalCodec) -> QuickFocalCodec | None:
    """From the int8 file, if there is one of this model. `model` has the structure only."""
    kept = stored.find(files)
    if kept is None:
        return None
    try:
        spec = replace(model.spec, digest=kept.digest)
        return QuickFocalCodec(sizes_of(model), spec, kept.parts, "int8")
    except (OSError, ValueError, KeyError, RuntimeError):  # damaged within
        return None
    finally:
        kept.parts.close()


def _kept(files: ModelFiles) -> QuickFocalCodec:
    """From the checkpoint, writing the int8 file on the way."""
    plain = load(files.config)
    assert isinstance(plain, FocalCodec)
    parts = stored.KeptParts(plain.state_dict())
    made = QuickFocalCodec(sizes_of(plain), plain.spec, parts, "int8")
    stored.keep(parts.kept, files, plain.spec.digest)
    return made
