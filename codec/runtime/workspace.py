"""Floats to write on that each thread has for itself, so that no chunk has to ask for memory.

There are a few shapes, a few megabytes, of each size of batch. What is in them lasts until the same
thread asks for the same shape.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor


class Halves(NamedTuple):
    """Two matrices of one shape, and both as one, first over second."""

    first: Tensor
    second: Tensor
    both: Tensor


class _Own(threading.local):
    """Caches that each thread makes for itself."""

    def __init__(self) -> None:
        self.floats = cache(_floats)
        self.halves = cache(_halves)


def _floats(*shape: int) -> Tensor:
    return torch.empty(shape)


def _halves(rows: int, columns: int) -> Halves:
    both = torch.empty(2 * rows, columns)
    return Halves(both[:rows], both[rows:], both)


_own = _Own()


def floats(*shape: int) -> Tensor:
    """A float32 tensor of this shape with anything in it."""
    return _own.floats(*shape)


def halves(rows: int, columns: int) -> Halves:
    """Two float32 matrices of (rows, columns) with anything in them."""
    return _own.halves(rows, columns)
