"""Sound file -> .fcs file -> sound file, with the length and alignment kept."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.audio_file import audio_output, open_audio, resampled
from codec.container import FcsHeader, FcsReader, FcsWriter
from codec.errors import (
    ContainerDamaged,
    ContainerError,
    ContainerModelMismatch,
    ContainerTruncated,
    RateUnknown,
)
from codec.model.codec import Codec, State
from codec.output import STANDARD, output_file
from codec.spec import (
    CHUNK_CODES,
    CHUNK_SAMPLES,
    CHUNK_SECONDS,
    CODES_PER_SECOND,
    INPUT_RATE,
    MODEL_NAMES,
    CodecSpec,
)
from codec.stream import device_of, sanitised
from codec.weights import at_rate

BLOCK_CHUNKS = 32
"""Chunks computed at once. The numbers are those of one at a time; it only goes faster."""

Progress = Callable[[float, float | None], None]
"""Called now and then with how many more seconds of sound are done, and of how many where known."""


def no_progress(seconds: float, total: float | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Encoded:
    """What was made of a sound file: its length, and how many codes it became."""

    seconds: float
    codes: int


@dataclass(frozen=True)
class Decoded:
    """How much was decoded, and what was wrong with the file behind that, if anything."""

    seconds: float
    damage: ContainerError | None


def encode_file(
    codec: Codec, source: Path | str, target: Path | str, progress: Progress = no_progress
) -> Encoded:
    """Encode a sound file ("-" for standard input) to an .fcs file ("-" for standard output).

    Raises AudioFileError, DiskFull or OutputError.
    """
    spec = codec.spec
    count = 0
    total = 0

    def counted(blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        nonlocal count
        for block in blocks:
            count += len(block)
            yield block

    with open_audio(source) as audio:
        header = FcsHeader(
            spec.model_id,
            spec.bits_per_code,
            spec.output_rate,
            source_rate=audio.rate,
            samples=audio.frames or 0,
            digest=spec.digest,
        )
        length = header.samples / header.source_rate or None
        speech = resampled(counted(audio.mono()), audio.rate, INPUT_RATE)
        with output_file(target) as file:
            writer = FcsWriter(file, header)
            for codes in encoded(codec, in_chunks(speech, tail_samples(codec))):
                writer.write(codes)
                total += len(codes)
                progress(len(codes) / CODES_PER_SECOND, length)
            writer.finish(count)
        return Encoded(count / audio.rate, total)


def decode_file(
    codec: Codec, source: Path | str, target: Path | str, progress: Progress = no_progress
) -> Decoded:
    """Decode an .fcs file ("-" for standard input) to a sound file ("-" for standard output).

    Of a file that is cut short or damaged, what is intact is decoded, and `Decoded.damage` tells.
    Raises ContainerError where nothing can be made of it, AudioFileError, DiskFull or OutputError.
    """
    damage: ContainerError | None = None
    written = 0

    def intact(reader: FcsReader) -> Iterator[NDArray[np.int64]]:
        nonlocal damage
        try:
            yield from reader
        except (ContainerTruncated, ContainerDamaged) as error:
            damage = error

    with open_fcs(source) as reader:
        codec = model_for(reader.header, codec, source)
        length = reader.header.samples / reader.header.source_rate or None
        with audio_output(target, codec.spec.output_rate) as write:
            for pcm in trimmed(decoded(codec, intact(reader)), codec.spec.delay_samples, reader):
                write(pcm)
                written += len(pcm)
                progress(len(pcm) / codec.spec.output_rate, length)
    return Decoded(written / codec.spec.output_rate, damage)


@contextmanager
def open_fcs(path: Path | str) -> Iterator[FcsReader]:
    """Open an .fcs file ("-" for standard input); raises ContainerError."""
    if str(path) == STANDARD:
        if sys.stdin is None:  # the shell's <&-
            raise ContainerError("standard input", "is closed.")
        yield FcsReader(sys.stdin.buffer, "standard input")
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise ContainerError(path, f"could not be read: {error.strerror}.") from error
        yield FcsReader(file, path)


def model_for(header: FcsHeader, codec: Codec, path: Path | str) -> Codec:
    """The model at the rate the file was made with.

    Raises ContainerModelMismatch unless `codec` is the model that made the codes.
    """
    try:
        codec = at_rate(codec, header.bits_per_code)
    except RateUnknown:
        raise ContainerModelMismatch(path, model_name(header), model_name(codec.spec)) from None
    spec = codec.spec
    another = header.digest and spec.digest and header.digest != spec.digest
    if another or (header.model_id, header.output_rate) != (spec.model_id, spec.output_rate):
        raise ContainerModelMismatch(path, model_name(header), model_name(spec))
    return codec


def model_name(of: FcsHeader | CodecSpec) -> str:
    """The name of a model, or of the one that made a file, for people."""
    name = of.name if isinstance(of, CodecSpec) else MODEL_NAMES.get(of.model_id, "unknown")
    digest = f", digest {of.digest:08x}" if of.digest else ""
    return f"{name} (id {of.model_id}, {of.bits_per_code} bits a code{digest})"


def tail_samples(codec: Codec) -> int:
    """Samples to encode beyond the end of the speech, so that a late decoder gives all of it."""
    return math.ceil(codec.spec.delay_samples * INPUT_RATE / codec.spec.output_rate)


def in_chunks(blocks: Iterator[NDArray[np.float32]], tail: int) -> Iterator[NDArray[np.float32]]:
    """Blocks of any length -> blocks of whole chunks, the end filled up with silence.

    The silence is at least `tail` samples; of no speech at all nothing is made.
    """
    size = BLOCK_CHUNKS * CHUNK_SAMPLES
    waiting = np.zeros(0, np.float32)
    any_speech = False
    for block in blocks:
        any_speech = any_speech or len(block) > 0
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if any_speech and (rest := math.ceil((len(waiting) + tail) / CHUNK_SAMPLES) * CHUNK_SAMPLES):
        yield np.pad(waiting, (0, rest - len(waiting)))


def encoded(codec: Codec, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.int64]]:
    """Blocks of whole chunks at 16 kHz -> their codes."""
    state: State | None = None
    device = device_of(codec)
    for block in blocks:
        with torch.inference_mode():
            sig = torch.from_numpy(sanitised(block))[None].to(device)
            codes, state = codec.encode(sig, state)
        yield codes[0].cpu().numpy()


def decoded(codec: Codec, blocks: Iterator[NDArray[np.int64]]) -> Iterator[NDArray[np.float32]]:
    """Blocks of whole chunks' codes -> sound at the model's output rate."""
    state: State | None = None
    device = device_of(codec)
    size = BLOCK_CHUNKS * CHUNK_CODES
    for block in blocks:
        for start in range(0, len(block), size):
            with torch.inference_mode():
                codes = torch.from_numpy(block[start : start + size])[None].to(device)
                sig, state = codec.decode(codes, state)
            yield sig[0].float().cpu().numpy()


def trimmed(
    blocks: Iterator[NDArray[np.float32]], delay: int, reader: FcsReader
) -> Iterator[NDArray[np.float32]]:
    """Take off the decoder's delay at the start and the filling at the end.

    The length of the original may be known only once the file has been read to its end, so as
    much as can be filling is held back until then.
    """
    rate = reader.header.output_rate
    held_back = delay + math.ceil(2 * CHUNK_SECONDS * rate)
    waiting = np.zeros(0, np.float32)
    skip = delay
    written = 0
    for block in blocks:
        dropped = min(skip, len(block))
        skip -= dropped
        waiting = np.concatenate([waiting, block[dropped:]])
        if len(waiting) > held_back:
            yield waiting[:-held_back]
            written += len(waiting) - held_back
            waiting = waiting[-held_back:]
    if reader.samples is not None:
        waiting = waiting[: max(0, reader.header.output_samples(reader.samples) - written)]
    if len(waiting):
        yield waiting
