"""A WAV file that is playable at every moment of its being written."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

_HEADER_BYTES = 44
_SAMPLE_BYTES = 2
_LARGEST = 0xFFFFFFFF - _HEADER_BYTES - 1  # RIFF sizes are 32-bit


def _header(rate: int, data_bytes: int) -> bytes:
    """The RIFF header of 16-bit mono PCM (Microsoft and IBM, "Multimedia Programming Interface
    and Data Specifications 1.0", 1991)."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        _HEADER_BYTES - 8 + data_bytes,
        b"WAVE",
        b"fmt ",
        16,
        1,  # PCM
        1,  # channel
        rate,
        rate * _SAMPLE_BYTES,
        _SAMPLE_BYTES,
        8 * _SAMPLE_BYTES,
        b"data",
        data_bytes,
    )


class WavWriter:
    """Writes mono float32 (-1..1) as 16-bit PCM at `rate` Hz. Raises OSError as the system does.

    Nothing is held back in memory, and the header is corrected in place by `settle`, which takes
    no new room on the disk: after a full disk or a killed program the file holds all that was
    written before the last `settle`.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._rate = rate
        self._bytes = 0
        self._settled = 0
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by close()
        try:
            self._put(_header(rate, 0))
        except OSError:
            self._file.close()
            raise

    @property
    def samples(self) -> int:
        """Samples written so far."""
        return self._bytes // _SAMPLE_BYTES

    def write(self, pcm: np.ndarray) -> None:
        """Append samples, shape (n,). Raises OSError; what fitted is kept."""
        data = np.round(np.clip(pcm, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
        if self._bytes + len(data) > _LARGEST:
            raise OSError("a WAV file cannot be longer than 4 GB")
        before = self._file.tell()
        try:
            self._put(data)
        finally:
            self._bytes += self._file.tell() - before

    def settle(self) -> None:
        """Make the header say what has been written."""
        if self._settled == self._bytes:
            return
        whole = self.samples * _SAMPLE_BYTES
        end = self._file.seek(0, os.SEEK_END)
        try:
            self._file.seek(0)
            self._put(_header(self._rate, whole))
        finally:
            self._file.seek(end)
        self._settled = self._bytes

    def close(self) -> None:
        """Settle and close; the file is closed even if settling raises OSError."""
        try:
            self.settle()
        finally:
            self._file.close()

    def _put(self, data: bytes) -> None:
        """An unbuffered file may take less than it is given."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
