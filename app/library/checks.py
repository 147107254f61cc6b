"""Whether files are what they should be: by checksum, and by loading the model in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.library.errors import NotAModel, PickleRefused
from app.library.progress import Work

_BLOCK = 1 << 20
PICKLE_ENDINGS = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
"""How files are called that hold pickles (a PyTorch checkpoint is one, in a zip file)."""


def sha256_of(path: Path, work: Work | None = None) -> str:
    """The sha256 of a file in hex; `work` hears of each block. Raises Cancelled."""
    return _digest(path, hashlib.sha256(), work)


def git_sha1_of(path: Path) -> str:
    """The name git has for a file's content: SHA-1 over `blob SIZE`, a zero byte and the bytes."""
    sha = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    return _digest(path, sha, None)


def _digest(path: Path, sha: hashlib._Hash, work: Work | None) -> str:
    for block in blocks(path):
        sha.update(block)
        if work is not None:
            work.add(len(block))
    return sha.hexdigest()


def blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a megabyte at a time."""
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_BLOCK), b"")


@dataclass(frozen=True)
class Loaded:
    """What a model turned out to be when it was loaded. `rates` are its bits a code, lowest first.

    `title` is the name it has itself.
    """

    title: str
    model_id: int
    bits: int
    digest: int
    rates: tuple[int, ...]


def load_to_see(folder: Path) -> Loaded:
    """Load the model in a folder, every value of it, and tell what it is.

    Raises NotAModel in the codec's own words: which file, and what is wrong with it.
    """
    from codec.errors import CodecError
    from codec.weights import load

    try:
        codec = load(folder)
    except CodecError as error:
        raise NotAModel(str(error)) from error
    spec = codec.spec
    rates = tuple(getattr(codec, "rates", ())) or (spec.bits_per_code,)
    return Loaded(spec.name, spec.model_id, spec.bits_per_code, spec.digest, rates)


def prepare(folder: Path, work: Work) -> None:
    """Convert a model that was loaded to see into what this computer runs quickest.

    The first call with it then need not wait for that. Raises NotAModel, and Cancelled before it
    begins.
    """
    from codec.errors import CodecError
    from codec.runtime.loading import keep_int8

    work.begin("preparing")
    try:
        keep_int8(folder)
    except CodecError as error:
        raise NotAModel(str(error)) from error


def two_files(path: Path) -> tuple[Path, Path]:
    """The config and the weights of the model at `path`: a folder, or one of its two files.

    Raises PickleRefused, or NotAModel in the codec's words.
    """
    from codec.errors import CodecError
    from codec.weights import find

    path = path.expanduser()
    if path.suffix.lower() in PICKLE_ENDINGS:
        raise PickleRefused(path)
    if not path.exists():
        raise NotAModel(f"There is no file or folder {path}.")
    try:
        files = find(path)
    except CodecError as error:
        if (pickle := _pickle_beside(path)) is not None:
            raise PickleRefused(pickle) from error
        raise NotAModel(str(error)) from error
    return files.config, files.weights


def _pickle_beside(path: Path) -> Path | None:
    folder = path if path.is_dir() else path.parent
    found = (file for file in folder.iterdir() if file.suffix.lower() in PICKLE_ENDINGS)
    return next(found, None)
