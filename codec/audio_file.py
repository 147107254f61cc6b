"""Sound files of any rate, mono or not, in blocks: WAV, FLAC, Ogg and what else libsndfile knows.

"-" is standard input or output. On a pipe WAV flows, being the one format that needs no seeking;
whatever else comes through a pipe is kept in a temporary file until it is whole.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from codec.errors import AudioFileError
from codec.output import STANDARD, output_errors, output_file
from codec.wav_pipe import WAV_MAGIC, WavPipeReader, endless_header, pcm16

BLOCK_FRAMES = 16_384

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Hz. Sound is stored at 8 to 384 kHz; a header that says something wild is a damaged one, and
would cost memory without bound."""

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
}
"""What can be written: ending -> libsndfile's format and subtype."""


class AudioSource(Protocol):
    """Sound to be read once, from front to back."""

    rate: int
    """Hz."""
    frames: int | None
    """Length at that rate where the file tells it."""

    def mono(self) -> Iterator[NDArray[np.float32]]:
        """Blocks of (n,) float32, the channels' mean; raises AudioFileError."""
        ...


class _FileSource:
    def __init__(self, file: soundfile.SoundFile, name: str) -> None:
        self._file = file
        self._name = name
        self.rate = _checked_rate(file.samplerate, name)
        self.frames: int | None = file.frames

    def mono(self) -> Iterator[NDArray[np.float32]]:
        with _reading(self._name):
            while len(block := self._file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                yield block.mean(axis=1)


class _PipeSource:
    def __init__(self, file: BinaryIO, name: str) -> None:
        self._wav = WavPipeReader(file, name)
        self.rate = _checked_rate(self._wav.format.rate, name)
        self.frames: int | None = None

    def mono(self) -> Iterator[NDArray[np.float32]]:
        for block in self._wav.blocks(BLOCK_FRAMES):
            yield block.mean(axis=1)


def _checked_rate(rate: int, name: str) -> int:
    if LOWEST_RATE <= rate <= HIGHEST_RATE:
        return rate
    raise AudioFileError(name, f"a sound of {rate} samples a second cannot be used.")


@contextmanager
def open_audio(path: Path | str) -> Iterator[AudioSource]:
    """Open a sound file ("-" for standard input) for reading; raises AudioFileError."""
    if str(path) != STANDARD:
        if not Path(path).exists():
            raise AudioFileError(path, "there is no such file.")
        with _reading(str(path)):
            file = soundfile.SoundFile(str(path))
        with file:
            yield _FileSource(file, str(path))
        return
    name = "standard input"
    if sys.stdin is None:  # the shell's <&-
        raise AudioFileError(name, "it is closed.")
    pipe = cast(io.BufferedReader, sys.stdin.buffer)
    if not _seekable(pipe) and pipe.peek(4)[:4] in WAV_MAGIC:
        yield _PipeSource(pipe, name)
        return
    with _whole(pipe, name) as whole:
        with _reading(name):
            file = soundfile.SoundFile(whole)
        with file:
            yield _FileSource(file, name)


@contextmanager
def _whole(pipe: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Standard input as something that can be sought in."""
    if _seekable(pipe):
        yield pipe
        return
    with tempfile.TemporaryFile() as file:
        try:
            shutil.copyfileobj(pipe, file)
        except OSError as error:
            raise AudioFileError(name, f"it could not be kept: {error.strerror}.") from error
        file.seek(0)
        yield file


def resampled(
    blocks: Iterator[NDArray[np.float32]], from_rate: int, to_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Mono blocks at another rate, joined without seams and without a shift in time."""
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


Write = Callable[[NDArray[np.float32]], None]


@contextmanager
def audio_output(path: Path | str, rate: int) -> Iterator[Write]:
    """Open a mono sound file ("-" for a WAV on standard output); gives the function that writes.

    The format follows from the file's ending. Raises AudioFileError, DiskFull or OutputError; the
    file is there only if all went well.
    """
    if str(path) == STANDARD:
        with output_file(path) as file:
            file.write(endless_header(rate))
            yield lambda samples: _write_pipe(file, samples)
        return
    if Path(path).suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise AudioFileError(path, f"sound can be written as {known}; end the name in one of them.")
    form, subtype = FORMATS[Path(path).suffix.lower()]
    with output_file(path) as file:
        door = _Door(file)
        try:
            with soundfile.SoundFile(
                door, "w", samplerate=rate, channels=1, format=form, subtype=subtype
            ) as sound:
                yield lambda samples: _write_sound(sound, door, samples)
        except (soundfile.LibsndfileError, AssertionError) as error:
            door.raise_error()
            raise AudioFileError(path, f"libsndfile could not write it ({error}).") from error
        door.raise_error()


class _Door:
    """What libsndfile writes through. It ignores errors of writing, so they are kept here."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        return self._kept(self._file.write, data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._kept(self._file.seek, offset, whence)

    def tell(self) -> int:
        return self._kept(self._file.tell)

    def flush_or_raise(self) -> None:
        self.raise_error()
        self._file.flush()

    def raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _kept(self, action: Callable[..., int], *arguments: Any) -> int:
        if self._error is not None:
            return 0
        try:
            return action(*arguments)
        except OSError as error:
            self._error = error
            return 0


def _write_sound(sound: Any, door: _Door, samples: NDArray[np.float32]) -> None:
    try:
        sound.write(np.clip(samples, -1.0, 1.0))
    finally:
        door.flush_or_raise()


def _write_pipe(file: BinaryIO, samples: NDArray[np.float32]) -> None:
    with output_errors(STANDARD):
        file.write(pcm16(samples))


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise AudioFileError(
            name, f"it could not be read as sound ({error.error_string})"
        ) from error
    except OSError as error:
        raise AudioFileError(name, f"it could not be read ({error.strerror}).") from error


def _seekable(file: BinaryIO) -> bool:
    try:
        file.seek(0, io.SEEK_CUR)
    except (OSError, ValueError):
        return False
    return file.seekable()
