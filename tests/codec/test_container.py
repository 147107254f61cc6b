from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.container import BLOCK_CODES, FcsHeader, FcsReader, FcsWriter
from codec.errors import (
    BadCodes,
    ContainerDamaged,
    ContainerError,
    ContainerNotFcs,
    ContainerTruncated,
    ContainerVersionUnsupported,
)

HEADER = FcsHeader(model_id=3, bits_per_code=12, output_rate=24_000, source_rate=44_100)
HEADER_BYTES = 36


def written(codes: np.ndarray, header: FcsHeader = HEADER, samples: int = 99) -> bytes:
    file = io.BytesIO()
    writer = FcsWriter(file, header)
    for start in range(0, len(codes), 12):
        writer.write(codes[start : start + 12])
    writer.finish(samples)
    return file.getvalue()


def some_codes(count: int, bits: int = 12) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 2**bits, count)


class Pipe(io.BytesIO):
    """Gives a few bytes at a time and cannot seek."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, size) if size and size > 0 else 7)

    def seek(self, *_: int) -> int:
        raise OSError("a pipe cannot seek")

    tell = seek


def read(data: bytes) -> tuple[FcsReader, np.ndarray, ContainerError | None]:
    reader = FcsReader(Pipe(data), "talk.fcs")
    blocks: list[np.ndarray] = []
    try:
        blocks.extend(reader)  # what came before an error stays in the list
    except ContainerError as error:
        return reader, joined(blocks), error
    return reader, joined(blocks), None


def joined(blocks: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *blocks])


@given(
    chunks=st.integers(0, 300),
    bits=st.integers(1, 16),
    known=st.booleans(),
    samples=st.integers(0, 2**64 - 1),
    digest=st.integers(0, 2**32 - 1),
)
def test_what_is_written_is_read(
    chunks: int, bits: int, known: bool, samples: int, digest: int
) -> None:
    header = FcsHeader(7, bits, 16_000, 48_000, samples if known else 0, digest)
    codes = some_codes(4 * chunks, bits)
    reader, found, error = read(written(codes, header, samples))
    assert error is None
    assert reader.header == header
    assert reader.samples == samples
    assert np.array_equal(found, codes)


def test_the_length_is_unknown_until_the_end_of_a_pipe() -> None:
    reader = FcsReader(io.BytesIO(written(some_codes(8))), "talk.fcs")
    assert reader.samples is None
    list(reader)
    assert reader.samples == 99


def test_little_is_added_to_the_codes() -> None:
    codes = some_codes(6 * BLOCK_CODES)
    assert len(written(codes)) - len(codes) * 12 // 8 == 36 + 6 * 6 + 14


@given(st.data())
def test_a_cut_file_tells_so_and_gives_what_is_there(data: st.DataObject) -> None:
    codes = some_codes(2 * BLOCK_CODES + 40)
    whole = written(codes)
    cut = data.draw(st.integers(HEADER_BYTES, len(whole) - 1))
    _, found, error = read(whole[:cut])
    assert isinstance(error, ContainerTruncated)
    assert "talk.fcs" in str(error)
    assert np.array_equal(found, codes[: len(found)])
    there = (cut - HEADER_BYTES - 3 * 6) * 8 // 12
    assert len(found) >= min(there - 4, len(codes) - 4)


@given(st.data())
def test_a_changed_byte_never_gives_wrong_codes(data: st.DataObject) -> None:
    codes = some_codes(BLOCK_CODES + 20)
    whole = bytearray(written(codes))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    in_block_length = at in (HEADER_BYTES, HEADER_BYTES + 1)
    try:
        _, found, error = read(bytes(whole))
    except ContainerError:
        return
    assert error is not None
    if not in_block_length and at < HEADER_BYTES + 2 + BLOCK_CODES * 12 // 8 + 4:
        assert len(found) == 0


@given(st.binary(max_size=200))
def test_any_bytes_give_a_named_error(data: bytes) -> None:
    for start in (b"", b"\x89FCS", b"\x89FCS\x01", written(some_codes(0))[:HEADER_BYTES]):
        try:
            _, _, error = read(start + data)
        except ContainerError as opening:
            error = opening
        assert error is None or type(error) is not ContainerError


def test_each_fault_has_its_name() -> None:
    whole = written(some_codes(8))
    with pytest.raises(ContainerNotFcs, match=r"talk\.fcs"):
        read(b"RIFF" + whole[4:])
    with pytest.raises(ContainerNotFcs):
        read(b"")
    with pytest.raises(ContainerVersionUnsupported, match="version 2"):
        read(whole[:4] + b"\x02" + whole[5:])
    with pytest.raises(ContainerTruncated):
        read(whole[:20])
    with pytest.raises(ContainerDamaged, match="header"):
        read(whole[:5] + b"\x09" + whole[6:])
    assert isinstance(read(whole + b"x")[2], ContainerDamaged)
    assert isinstance(read(whole[:-1] + b"x")[2], ContainerDamaged)


def test_a_header_with_a_right_checksum_but_impossible_values_is_refused() -> None:
    whole = bytearray(written(some_codes(8)))
    whole[6] = 33
    whole[32:36] = zlib.crc32(whole[:32]).to_bytes(4, "big")
    with pytest.raises(ContainerDamaged, match="impossible"):
        read(bytes(whole))


def test_codes_that_are_not_whole_chunks_are_refused() -> None:
    writer = FcsWriter(io.BytesIO(), HEADER)
    with pytest.raises(BadCodes):
        writer.write(np.array([1, 2, 3]))


def test_what_the_system_cannot_read_is_told() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(ContainerError, match=r"talk\.fcs could not be read: Input/output error"):
        FcsReader(Failing(), "talk.fcs")
