"""A model's int8 weights kept on disk, made once: a quarter of the checkpoint, quick to read.

The file lies beside the weights it was made from, `model.safetensors.int8`, or where that folder
cannot be written in the user's cache. It is in the safetensors format, read here piece by piece so
that no more than a matrix is in memory twice. It names the files it was made from; when those have
changed, or it is damaged, it is as if it weren't there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from codec.runtime.choice import cache_folder
from codec.runtime.parts import Fetch
from codec.runtime.products import (
    MIN_ELEMENTS,
    Levels,
    PlainProduct,
    Product,
    byte_product,
    rounded,
)
from codec.spec import CodecSpec
from codec.weights import ModelFiles

FORMAT = "undertone-int8-1"
"""Changes with whatever changes how weights are arranged or rounded."""

LEVELS, SCALE = ".levels", ".scale"

_TYPES = {"F32": torch.float32, "I8": torch.int8}


class KeptParts:
    """Parts that are rounded to int8 and remembered, to be written by `keep`."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors
        self.kept: dict[str, Tensor] = {}

    def tensor(self, name: str) -> Tensor:
        self.kept[name] = self._tensors[name].detach().clone()
        return self.kept[name]

    def product(self, name: str, weight: Callable[[Fetch], Tensor], bias: Tensor | None) -> Product:
        whole = weight(lambda name: self._tensors[name].detach())
        if whole.numel() < MIN_ELEMENTS:
            self.kept[name] = whole.clone()
            return PlainProduct(self.kept[name], bias)
        levels = rounded(whole)
        self.kept[name + LEVELS], self.kept[name + SCALE] = levels
        return byte_product(levels, bias)


class StoredParts:
    """Parts out of a file that `keep` wrote."""

    def __init__(self, file: BufferedReader, header: dict[str, Any], start: int) -> None:
        self._file, self._header, self._start = file, header, start

    def tensor(self, name: str) -> Tensor:
        entry = self._header[name]
        begin, end = entry["data_offsets"]
        tensor = torch.empty(entry["shape"], dtype=_TYPES[entry["dtype"]])
        self._file.seek(self._start + begin)
        if end > begin and self._file.readinto(tensor.view(-1).numpy().data) != end - begin:
            raise ValueError("the file ends too early")
        return tensor

    def product(self, name: str, weight: Callable[[Fetch], Tensor], bias: Tensor | None) -> Product:
        if name in self._header:
            return PlainProduct(self.tensor(name), bias)
        return byte_product(Levels(self.tensor(name + LEVELS), self.tensor(name + SCALE)), bias)


@dataclass(frozen=True)
class Stored:
    """An int8 file that is of the model at hand: its spec, and how many weights it has."""

    spec: CodecSpec
    weights: int
    path: Path
    header: dict[str, Any]
    start: int

    @contextmanager
    def open(self) -> Iterator[StoredParts]:
        with self.path.open("rb") as file:
            yield StoredParts(file, self.header, self.start)


def find(files: ModelFiles) -> Stored | None:
    """The int8 file made of these files, if there is one."""
    for path in _places(files):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            header, start = _header(path)
            about = header.pop("__metadata__")
            spec, weights = CodecSpec(**json.loads(about.pop("spec"))), int(about.pop("count"))
            if about == _made_of(files):
                return Stored(spec, weights, path, header, start)
    return None


def keep(kept: dict[str, Tensor], files: ModelFiles, spec: CodecSpec, weights: int) -> Path | None:
    """Write what KeptParts have gathered to the first place that takes it; None if none does."""
    tensors = {name: tensor.contiguous() for name, tensor in kept.items()}
    about = {"spec": json.dumps(asdict(spec)), "count": str(weights)}
    for path in _places(files):
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, unfinished, _made_of(files) | about)
            os.replace(unfinished, path)
            return path
        except Exception:  # safetensors has a class of its own for a full disk
            with suppress(OSError):
                unfinished.unlink()
    return None


def _places(files: ModelFiles) -> tuple[Path, Path]:
    weights = files.weights.resolve()
    name = hashlib.sha256(str(weights).encode()).hexdigest()[:16]
    return weights.with_name(weights.name + ".int8"), cache_folder() / f"{name}.int8"


def _made_of(files: ModelFiles) -> dict[str, str]:
    """What tells these files from others, and from themselves as they were."""
    weights = files.weights.stat()
    return {
        "format": FORMAT,
        "config": hashlib.sha256(files.config.read_bytes()).hexdigest(),
        "weights": f"{weights.st_size} {weights.st_mtime_ns}",
    }


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The header of a safetensors file and where its data begin; ValueError if it isn't whole."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        size = os.fstat(file.fileno()).st_size
        if not 0 < length <= size:
            raise ValueError("the header is longer than the file")
        header = dict(json.loads(file.read(length)))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if 8 + length + max(ends, default=0) != size:
        raise ValueError("the file is not whole")
    return header, 8 + length
