"""Write a result so that it is there in whole or not at all.

A regular file is written beside its place under another name and moved there at the end; if
anything goes wrong, or the user stops it, it is removed and what was there before stays. Standard
output and devices are written straight.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from codec.errors import DiskFull, OutputError

STANDARD = "-"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def output_file(path: Path | str) -> Iterator[BinaryIO]:
    """Open `path` ("-" for standard output) for writing; raises DiskFull or OutputError."""
    with output_errors(path):
        if str(path) == STANDARD:
            if sys.stdout is None:  # the shell's >&-
                raise OutputError("standard output", "it is closed")
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        target = Path(path)
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            with partial.open("w+b") as file:
                yield file
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def output_errors(path: Path | str) -> Iterator[None]:
    """Turn the system's errors of writing into the codec's."""
    if str(path) == STANDARD:
        path = "standard output"
    try:
        yield
    except BrokenPipeError as error:
        raise OutputError(path, "the program it was piped to has ended") from error
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(path) from error
        raise OutputError(path, error.strerror or str(error)) from error
