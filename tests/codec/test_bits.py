from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.bits import pack, packed_bytes, unpack
from codec.errors import BadCodes


@st.composite
def codes_of(draw: st.DrawFn) -> tuple[int, list[int]]:
    bits = draw(st.integers(1, 16))
    return bits, draw(st.lists(st.integers(0, 2**bits - 1), max_size=40))


@given(codes_of())
def test_what_is_packed_comes_back(case: tuple[int, list[int]]) -> None:
    bits, codes = case
    data = pack(codes, bits)
    assert len(data) == packed_bytes(bits, len(codes))
    assert unpack(data, bits, len(codes)).tolist() == codes


@given(st.binary(max_size=30), st.integers(-3, 20), st.integers(-5, 300))
def test_any_bytes_give_codes_or_a_named_error(data: bytes, bits: int, count: int) -> None:
    try:
        codes = unpack(data, bits, count)
    except BadCodes:
        return
    assert len(codes) == count
    assert all(0 <= code < 2**bits for code in codes)


def test_most_significant_bit_first() -> None:
    assert pack([0b10000000001], 11) == bytes([0b10000000, 0b00100000])
    assert pack([0xABC, 0xDEF], 12) == bytes([0xAB, 0xCD, 0xEF])
    assert pack([0x1234], 16) == b"\x12\x34"


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64, np.int64])
def test_any_integer_type_will_do(kind: type) -> None:
    assert pack(np.array([5, 2], kind), 3) == bytes([0b10101000])


@pytest.mark.parametrize("codes", [[-1], [2048], [1.0], [[1, 2]]])
def test_what_does_not_fit_is_refused(codes: list) -> None:
    with pytest.raises(BadCodes):
        pack(codes, 11)


@pytest.mark.parametrize("bits", [0, 17, -1])
def test_impossible_widths_are_refused(bits: int) -> None:
    with pytest.raises(BadCodes):
        pack([0], bits)
    with pytest.raises(BadCodes):
        unpack(b"\0", bits, 1)
