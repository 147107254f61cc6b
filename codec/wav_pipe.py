"""WAV to and from a pipe, where nothing can be read or written twice.

Format: RIFF WAVE (Microsoft, "Multiple channel audio data and WAVE files"; EBU Tech 3306 for
RF64). On a pipe the lengths in the header are often unknown, written as 0 or all ones; the data
then goes on to the end of the stream.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from codec.errors import AudioFileError

WAV_MAGIC = (b"RIFF", b"RF64")
"""What a WAV begins with."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN = 0xFFFFFFFF
_MAX_HEADER_CHUNK = 1 << 20
_MAX_CHANNELS = 64


@dataclass(frozen=True)
class WavFormat:
    """What a WAV holds: kind of sample (PCM or float), channels, rate in Hz, bytes a sample."""

    is_float: bool
    channels: int
    rate: int
    sample_bytes: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.sample_bytes


class WavPipeReader:
    """Reads a WAV from front to back; raises AudioFileError."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self.format, self._left = self._read_header()

    def blocks(self, frames: int) -> Iterator[NDArray[np.float32]]:
        """(up to `frames`, channels) float32 within ±1, to the end of the data."""
        while block := self._read_data(frames * self.format.frame_bytes):
            whole = len(block) // self.format.frame_bytes * self.format.frame_bytes
            yield samples_from(block[:whole], self.format)

    def _read_header(self) -> tuple[WavFormat, int | None]:
        riff = self._read(12)
        if riff[:4] not in WAV_MAGIC or riff[8:12] != b"WAVE":
            raise AudioFileError(self._name, "only WAV can be read from a pipe, and this is none.")
        found: WavFormat | None = None
        while True:
            head = self._read(8)
            if len(head) < 8:
                raise AudioFileError(self._name, "the WAV ends before its sound begins.")
            kind, size = head[:4], int.from_bytes(head[4:], "little")
            if kind == b"data":
                break
            if size > _MAX_HEADER_CHUNK:
                raise AudioFileError(self._name, "the WAV's header is damaged.")
            body = self._read(size + size % 2)
            if kind == b"fmt ":
                found = self._parse_format(body)
        if found is None:
            raise AudioFileError(self._name, "the WAV does not say how its sound is stored.")
        endless = size in (0, _UNKNOWN) or riff[:4] == b"RF64"
        return found, None if endless else size

    def _parse_format(self, body: bytes) -> WavFormat:
        if len(body) < 16:
            raise AudioFileError(self._name, "the WAV's header is damaged.")
        tag, channels, rate, _, _, sample_bits = struct.unpack_from("<HHIIHH", body)
        if tag == _EXTENSIBLE and len(body) >= 26:
            (tag,) = struct.unpack_from("<H", body, 24)
        sizes = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
        if sample_bits not in sizes.get(tag, ()):
            raise AudioFileError(
                self._name, "the WAV holds compressed sound; only PCM can be read."
            )
        if not 1 <= channels <= _MAX_CHANNELS or rate == 0:
            raise AudioFileError(self._name, "the WAV's header is damaged.")
        return WavFormat(tag == _FLOAT, channels, rate, sample_bits // 8)

    def _read_data(self, size: int) -> bytes:
        data = self._read(size if self._left is None else min(size, self._left))
        if self._left is not None:
            self._left -= len(data)
        return data if len(data) >= self.format.frame_bytes else b""

    def _read(self, size: int) -> bytes:
        parts = []
        while size > 0 and (part := self._file.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def samples_from(data: bytes, form: WavFormat) -> NDArray[np.float32]:
    """Bytes of whole frames -> (frames, channels) float32."""
    if form.is_float:
        flat = np.frombuffer(data, f"<f{form.sample_bytes}").astype(np.float32)
    elif form.sample_bytes == 1:
        flat = (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    elif form.sample_bytes == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        flat = (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    else:
        full_scale = 2.0 ** (8 * form.sample_bytes - 1)
        flat = (np.frombuffer(data, f"<i{form.sample_bytes}") / full_scale).astype(np.float32)
    return flat.reshape(-1, form.channels)


def endless_header(rate: int) -> bytes:
    """The header of a 16-bit mono WAV whose length is not known yet."""
    form = struct.pack("<HHIIHH", _PCM, 1, rate, 2 * rate, 2, 16)
    unknown = _UNKNOWN.to_bytes(4, "little")
    return b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + unknown


def pcm16(samples: NDArray[np.float32]) -> bytes:
    """Float samples within ±1 -> 16-bit little-endian."""
    return np.round(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
