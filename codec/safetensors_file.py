"""Read a safetensors file, having looked that it is one and that it is whole.

The format (github.com/huggingface/safetensors, README): 8 bytes of little-endian length, that many
bytes of JSON that give each tensor's type, shape and place, then the bytes of the tensors. Nothing
in it is run, unlike a pickle's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from codec.errors import ModelMissing, ModelNotSafetensors, ModelTruncated, ModelUnreadable

MAX_HEADER_BYTES = 100_000_000
"""The limit of the format itself."""

_OTHER_FORMATS = {
    b"PK\x03\x04": "it looks like a zip file or a PyTorch checkpoint",
    b"\x80": "it looks like a Python pickle",
    b"GGUF": "it looks like a GGUF file",
    b"version https://git-lfs": "it is a Git LFS pointer, not the file itself",
    b"<": "it looks like a web page",
}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU.

    Raises ModelMissing, ModelUnreadable, ModelTruncated or ModelNotSafetensors.
    """
    try:
        _check_whole(path)
        return load_file(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise ModelMissing(path) from None
    except OSError as error:
        raise ModelUnreadable(path, error.strerror or str(error)) from error
    except SafetensorError as error:
        raise ModelNotSafetensors(path, f"its header is not valid: {error}") from error


def _check_whole(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        for magic, looks_like in _OTHER_FORMATS.items():
            # A length may begin with any byte; only the brace behind it tells.
            if head.startswith(magic) and head[8:9] != b"{":
                raise ModelNotSafetensors(path, looks_like)
        if size < 9:
            raise ModelTruncated(path, size, 9)
        header_bytes = int.from_bytes(head[:8], "little")
        if head[8:9] != b"{" or header_bytes > MAX_HEADER_BYTES:
            raise ModelNotSafetensors(path, "it has no safetensors header")
        if 8 + header_bytes > size:
            raise ModelTruncated(path, size, 8 + header_bytes)
        file.seek(8)
        expected = 8 + header_bytes + _data_bytes(path, file.read(header_bytes))
    if size < expected:
        raise ModelTruncated(path, size, expected)


def _data_bytes(path: Path, header: bytes) -> int:
    try:
        entries: dict[str, Any] = json.loads(header)
        ends = [e["data_offsets"][1] for name, e in entries.items() if name != "__metadata__"]
        return max(map(int, ends), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise ModelNotSafetensors(path, "its header is not valid") from None
