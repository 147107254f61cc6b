"""A sound file as a microphone, and a WAV file as a loudspeaker."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from app.audio.backend import (
    SPEECH_RATE,
    AudioFileError,
    AudioFileFull,
    AudioFileMissing,
    AudioFileNotWritable,
    AudioFileUnreadable,
    EndOfInput,
)
from app.audio.level import LevelMeter, Metered
from app.audio.pace import Clock, Sink, Sleep, Source
from app.audio.resample import Resampler
from app.audio.wav import WavWriter

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Hz. Sound is stored at 8 to 384 kHz; a header that says something wild is a damaged one, and
would cost memory without bound."""

_BLOCK_SECONDS = 0.25
_BLOCK_SAMPLES = 1_000_000  # at most, of all channels together
_SETTLE_SECONDS = 1.0


class FileInput(Metered):
    """Reads a WAV, FLAC or Ogg file of any rate and channel count as a microphone would hear it.

    Paced, it delivers in real time by `clock` and `sleep`; unpaced, as fast as it is read.
    `lead_in` and `tail` are seconds of silence before and after. The last chunk is filled up with
    silence, and the read after it raises EndOfInput. A file that turns out in mid-call to be
    damaged ends there and does not end the call: `trouble` then holds the AudioFileUnreadable, and
    `on_trouble` is called with it once. To be opened it must exist and begin as a sound file does:
    else AudioFileMissing or AudioFileUnreadable is raised.
    """

    rate = SPEECH_RATE
    dropped = 0  # a file waits for its reader
    zero_seconds = 0.0  # digital silence in a file is what was recorded, and no fault

    def __init__(
        self,
        path: Path | str,
        *,
        paced: bool = True,
        lead_in: float = 0.0,
        tail: float = 0.0,
        on_trouble: Callable[[AudioFileError], None] | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.trouble: AudioFileError | None = None
        self._path = Path(path)
        self._on_trouble = on_trouble
        self._lock = threading.Lock()  # close comes from another thread than read
        self._file = self._open()
        self._resampler = Resampler(self._file.samplerate, self.rate)
        self._ready = np.zeros(round(lead_in * self.rate), np.float32)
        self._tail = np.zeros(round(tail * self.rate), np.float32)
        self._over = False
        self._closed = False
        self._source = Source(self.rate, clock, sleep) if paced else None
        self._meter = LevelMeter(self.rate, clock=clock)

    @property
    def latency(self) -> float:
        if self._source is None or self._is_played:
            return 0.0
        return self._source.backlog

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        with self._lock:
            while len(self._ready) < samples and not self._over and not self._closed:
                self._read_block()
        if self._closed:
            return None
        if self._is_played:
            raise EndOfInput
        if self._source and not self._source.take(samples, timeout):
            return None
        pcm, self._ready = self._ready[:samples], self._ready[samples:]
        pcm = np.pad(pcm, (0, samples - len(pcm)))
        self._meter.update(pcm)
        return pcm

    def close(self) -> None:
        self._closed = True
        with self._lock:
            self._file.close()

    def _open(self) -> soundfile.SoundFile:
        if not self._path.is_file():
            raise AudioFileMissing(self._path)
        try:
            file = soundfile.SoundFile(self._path)
        except (soundfile.LibsndfileError, OSError) as error:
            raise AudioFileUnreadable(self._path, _words(error)) from error
        if LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
            return file
        file.close()
        raise AudioFileUnreadable(self._path, f"it claims {file.samplerate} samples a second")

    @property
    def _is_played(self) -> bool:
        return self._over and not len(self._ready)

    def _read_block(self) -> None:
        block = self._next_block()
        new = self._resampler.push(block.mean(axis=1))
        parts = [self._ready, new]
        if not len(block):
            parts += [self._resampler.flush(), self._tail]
            self._over = True
        self._ready = np.concatenate(parts)

    def _next_block(self) -> np.ndarray:
        """Samples of all channels, shape (n, channels); none at the end or where it is damaged."""
        channels = self._file.channels
        frames = min(round(_BLOCK_SECONDS * self._file.samplerate), _BLOCK_SAMPLES // channels)
        try:
            return self._file.read(frames, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as error:
            self.trouble = AudioFileUnreadable(self._path, _words(error))
            if self._on_trouble:
                self._on_trouble(self.trouble)
            return np.zeros((0, channels), np.float32)


class FileOutput(Metered):
    """Writes to a WAV file, mono 16 bit at `rate`, what a loudspeaker would have played.

    Paced, it takes samples in real time: `queued` drains by `clock`, and a gap between two writes
    is silence in the file. Unpaced, everything counts as played at once. A disk that fills up in
    mid-call does not end the call: `trouble` then holds the AudioFileFull, `on_trouble` is called
    with it once, and the file keeps what it has. Raises AudioFileNotWritable when it cannot be
    created.
    """

    latency = 0.0

    def __init__(
        self,
        path: Path | str,
        rate: int,
        *,
        paced: bool = True,
        on_trouble: Callable[[AudioFileError], None] | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.rate = rate
        self.trouble: AudioFileError | None = None
        self._path = Path(path)
        self._lock = threading.Lock()  # close comes from another thread than write
        self._on_trouble = on_trouble
        self._clock = clock
        self._sink = Sink(rate, clock, sleep) if paced else None
        self._meter = LevelMeter(rate, clock=clock)
        self._closed = False
        self._settled_at = clock()
        try:
            self._wav = WavWriter(self._path, rate)
        except OSError as error:
            raise AudioFileNotWritable(self._path, _words(error)) from error

    @property
    def queued(self) -> float:
        return self._sink.queued if self._sink else 0.0

    @property
    def underruns(self) -> int:
        return self._sink.underruns if self._sink else 0

    def write(self, pcm: np.ndarray) -> None:
        with self._lock:
            if self._closed:
                return
            self._meter.update(pcm)
            gap = self._sink.put(len(pcm)) if self._sink else 0
            if self.trouble is None:
                self._attempt(gap, pcm)

    def wait_below(self, seconds: float, timeout: float) -> bool:
        return self._sink.wait_below(seconds, timeout) if self._sink else True

    def close(self) -> None:
        """Finish the file. What was queued is in it, played or not."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._wav.close()
            except OSError as error:
                self._report(error)

    def _write_samples(self, gap: int, pcm: np.ndarray) -> None:
        while gap:  # an hour of silence in pieces, not in one array
            piece = min(gap, 10 * self.rate)
            self._wav.write(np.zeros(piece, np.float32))
            gap -= piece
        self._wav.write(pcm)
        if self._clock() - self._settled_at >= _SETTLE_SECONDS:
            self._settled_at = self._clock()
            self._wav.settle()

    def _attempt(self, gap: int, pcm: np.ndarray) -> None:
        try:
            self._write_samples(gap, pcm)
        except OSError as error:
            self._report(error)
            with contextlib.suppress(OSError):  # the header then says what the last settling said
                self._wav.settle()

    def _report(self, error: OSError) -> None:
        if self.trouble is None:
            self.trouble = AudioFileFull(self._path, _words(error))
            if self._on_trouble:
                self._on_trouble(self.trouble)


def _words(error: Exception) -> str:
    """The system's own words, without the path it repeats."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).rstrip(".")
    return str(error)
