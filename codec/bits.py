"""Codes <-> bytes, packed to the bit.

The first code's most significant bit is the first byte's most significant bit; what is left of the
last byte is zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from codec.errors import BadCodes

MAX_BITS = 16


def packed_bytes(bits: int, count: int) -> int:
    """How many bytes `count` codes of `bits` bits fill."""
    return (bits * count + 7) // 8


def pack(codes: ArrayLike, bits: int) -> bytes:
    """Integers in [0, 2^bits) -> bytes; raises BadCodes."""
    _check_bits(bits)
    values = np.asarray(codes)
    if values.size == 0:
        return b""
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise BadCodes("Codes to pack must be a flat row of whole numbers.")
    if values.min() < 0 or values.max() >= 1 << bits:
        raise BadCodes(f"A code lies outside 0 to {(1 << bits) - 1}, so {bits} bits can't hold it.")
    as_bytes = values.astype(">u2").view(np.uint8).reshape(-1, 2)
    return np.packbits(np.unpackbits(as_bytes, axis=1)[:, MAX_BITS - bits :]).tobytes()


def unpack(data: bytes, bits: int, count: int) -> NDArray[np.int64]:
    """Bytes -> `count` codes; raises BadCodes unless `data` is just as long as they need."""
    _check_bits(bits)
    if count < 0 or len(data) != packed_bytes(bits, count):
        raise BadCodes(f"{len(data)} bytes do not hold {count} codes of {bits} bits.")
    flat = np.unpackbits(np.frombuffer(data, np.uint8), count=bits * count)
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.int64)
    return flat.reshape(count, bits).astype(np.int64) @ weights


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= MAX_BITS:
        raise BadCodes(f"Codes of {bits} bits are not supported, only 1 to {MAX_BITS}.")
