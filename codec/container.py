"""The .fcs file: the codes of one recording.

All numbers are big-endian. A file is a header, blocks, and an end:

    header  36 bytes
        0   4  magic, 89 46 43 53 ("\\x89FCS")
        4   1  version, 1
        5   1  model id: which kind of model made the codes (`codec.spec`)
        6   1  bits a code, 1 to 16
        7   1  0, reserved
        8   4  sample rate of the decoded sound, in Hz
       12   4  sample rate of the original, in Hz
       16   8  samples of the original, at its rate; 0 where not known when the writing began
       24   4  digest of the model (`codec.digest`), 0 where it has none
       28   4  0, reserved
       32   4  CRC-32 of the 32 bytes before
    block   6 bytes + codes; one for each 10 s, the last may be shorter
        0   2  number of codes n, 1 to 65535, whole chunks of 4
        2   .  the codes, packed to the bit (`codec.bits`)
        .   4  CRC-32 of this block's bytes before
    end     14 bytes
        0   2  0, where a block would have its number of codes
        2   8  samples of the original, at its rate; this count is the one that holds
       10   4  CRC-32 of the 10 bytes before

Nothing is ever rewritten, so a file can be written to and read from a pipe. A file that was cut
short lacks its end, so the cut is noticed, and what comes before can be decoded.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from codec import bits as bit_packing
from codec.errors import (
    BadCodes,
    ContainerDamaged,
    ContainerError,
    ContainerNotFcs,
    ContainerTruncated,
    ContainerVersionUnsupported,
)
from codec.spec import CHUNK_CODES, CODES_PER_SECOND, INPUT_RATE

MAGIC = b"\x89FCS"
VERSION = 1
BLOCK_CODES = 10 * CODES_PER_SECOND
MAX_RATE = 1_000_000

_HEADER = struct.Struct(">4sBBBBIIQII")
_COUNT = struct.Struct(">H")
_SAMPLES = struct.Struct(">Q")
_CRC = struct.Struct(">I")


@dataclass(frozen=True)
class FcsHeader:
    """What an .fcs file says of itself.

    `samples` counts the original's and `digest` is the model's, both 0 where not known.
    """

    model_id: int
    bits_per_code: int
    output_rate: int
    source_rate: int = INPUT_RATE
    samples: int = 0
    digest: int = 0

    @property
    def bitrate(self) -> int:
        """Bits per second of speech, codes only."""
        return self.bits_per_code * CODES_PER_SECOND

    def output_samples(self, samples: int) -> int:
        """How many samples of decoded sound `samples` of the original are."""
        return round(samples * self.output_rate / self.source_rate)


class FcsWriter:
    """Writes an .fcs file as the codes come. `write` what there is, then `finish` once."""

    def __init__(self, file: BinaryIO, header: FcsHeader) -> None:
        self._file = file
        self._bits = header.bits_per_code
        self._waiting = np.zeros(0, np.int64)
        packed = _HEADER.pack(
            MAGIC,
            VERSION,
            header.model_id,
            header.bits_per_code,
            0,
            header.output_rate,
            header.source_rate,
            header.samples,
            header.digest,
            0,
        )
        self._write(packed)

    def write(self, codes: NDArray[np.int64]) -> None:
        """Add codes, whole chunks; raises BadCodes."""
        if len(codes) % CHUNK_CODES:
            raise BadCodes(f"An .fcs file holds whole chunks of {CHUNK_CODES} codes.")
        self._waiting = np.concatenate([self._waiting, codes])
        while len(self._waiting) >= BLOCK_CODES:
            self._write_block(self._waiting[:BLOCK_CODES])
            self._waiting = self._waiting[BLOCK_CODES:]

    def finish(self, samples: int) -> None:
        """Write what is left and the end; `samples` counts the original's, at its rate."""
        if len(self._waiting):
            self._write_block(self._waiting)
        self._write(_COUNT.pack(0) + _SAMPLES.pack(samples))
        self._file.flush()

    def _write_block(self, codes: NDArray[np.int64]) -> None:
        self._write(_COUNT.pack(len(codes)) + bit_packing.pack(codes, self._bits))

    def _write(self, data: bytes) -> None:
        self._file.write(data + _CRC.pack(zlib.crc32(data)))


class FcsReader:
    """Reads an .fcs file block by block.

    Iterating gives arrays of codes. Where the file turns out to be cut short or damaged, all that
    is intact comes first and then ContainerTruncated or ContainerDamaged is raised. `samples` is
    the length of the original, None until a file that did not know it has been read to its end.
    Opening raises ContainerNotFcs, ContainerVersionUnsupported or the two above. What the system
    cannot read is a ContainerError.
    """

    def __init__(self, file: BinaryIO, path: Path | str) -> None:
        self._file = file
        self._path = path
        self.header = self._read_header()
        self.samples: int | None = self.header.samples or None

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        while True:
            count_bytes = self._read(_COUNT.size)
            if len(count_bytes) < _COUNT.size:
                raise ContainerTruncated(self._path)
            (count,) = _COUNT.unpack(count_bytes)
            if count == 0:
                self._read_end(count_bytes)
                return
            if count % CHUNK_CODES:
                raise ContainerDamaged(self._path, "a block does not hold whole chunks")
            yield from self._read_block(count_bytes, count)

    def _read_header(self) -> FcsHeader:
        data = self._read(_HEADER.size + _CRC.size)
        if data[: len(MAGIC)] != MAGIC:
            raise ContainerNotFcs(self._path)
        if len(data) > len(MAGIC) and data[len(MAGIC)] > VERSION:
            raise ContainerVersionUnsupported(self._path, data[len(MAGIC)])
        if len(data) < _HEADER.size + _CRC.size:
            raise ContainerTruncated(self._path)
        self._check(data, "the checksum of its header is wrong")
        _, _, model_id, bits, _, output_rate, source_rate, samples, digest, _ = _HEADER.unpack_from(
            data
        )
        sane = 1 <= bits <= bit_packing.MAX_BITS
        if not (sane and 1 <= output_rate <= MAX_RATE and 1 <= source_rate <= MAX_RATE):
            raise ContainerDamaged(self._path, "its header holds impossible values")
        return FcsHeader(model_id, bits, output_rate, source_rate, samples, digest)

    def _read_block(self, count_bytes: bytes, count: int) -> Iterator[NDArray[np.int64]]:
        size = bit_packing.packed_bytes(self.header.bits_per_code, count)
        data = self._read(size + _CRC.size)
        if len(data) < size + _CRC.size:
            yield from self._whole_chunks(data[:size])
            raise ContainerTruncated(self._path)
        self._check(count_bytes + data, "the checksum of a block is wrong")
        yield bit_packing.unpack(data[:size], self.header.bits_per_code, count)

    def _whole_chunks(self, data: bytes) -> Iterator[NDArray[np.int64]]:
        """What came of a block that was cut short: no checksum vouches for it, but the cut does."""
        bits = self.header.bits_per_code
        count = len(data) * 8 // bits // CHUNK_CODES * CHUNK_CODES
        if count:
            yield bit_packing.unpack(data[: bit_packing.packed_bytes(bits, count)], bits, count)

    def _read_end(self, count_bytes: bytes) -> None:
        data = self._read(_SAMPLES.size + _CRC.size)
        if len(data) < _SAMPLES.size + _CRC.size:
            raise ContainerTruncated(self._path)
        self._check(count_bytes + data, "the checksum of its end is wrong")
        (self.samples,) = _SAMPLES.unpack_from(data)
        if self._read(1):
            raise ContainerDamaged(self._path, "something follows its end")

    def _check(self, data: bytes, problem: str) -> None:
        if zlib.crc32(data[: -_CRC.size]) != _CRC.unpack(data[-_CRC.size :])[0]:
            raise ContainerDamaged(self._path, problem)

    def _read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the file: a pipe may give less at a time."""
        parts = []
        try:
            while size > 0 and (part := self._file.read(size)):
                parts.append(part)
                size -= len(part)
        except OSError as error:
            raise ContainerError(self._path, f"could not be read: {error.strerror}.") from error
        return b"".join(parts)
