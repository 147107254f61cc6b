from __future__ import annotations

import io
from typing import BinaryIO, cast

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import AudioFileError
from codec.wav_pipe import WavPipeReader, endless_header, pcm16


class Pipe(io.BytesIO):
    """Gives a few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1000, size) if size and size > 0 else 1000)


def read(data: bytes) -> tuple[WavPipeReader, np.ndarray]:
    reader = WavPipeReader(cast(BinaryIO, Pipe(data)), "the pipe")
    blocks = [np.zeros((0, reader.format.channels), np.float32), *reader.blocks(700)]
    return reader, np.concatenate(blocks)


def wav(samples: np.ndarray, rate: int, form: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def some_sound(frames: int = 3000, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.9, 0.9, (frames, channels))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_it_reads_what_libsndfile_reads(form: str, subtype: str) -> None:
    data = wav(some_sound(), 22_050, form, subtype)
    expected, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    reader, found = read(data)
    assert reader.format.rate == rate
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_unknown_length_means_to_the_end(size: int) -> None:
    data = wav(some_sound(), 16_000)
    at = data.index(b"data") + 4
    _, found = read(data[:at] + size.to_bytes(4, "little") + data[at + 4 :])
    assert len(found) == 3000


def test_what_follows_the_sound_is_not_sound() -> None:
    data = wav(some_sound(), 16_000)
    _, found = read(data + b"LIST\x04\0\0\0abcd")
    assert len(found) == 3000


def test_a_frame_that_is_not_whole_is_dropped() -> None:
    data = wav(some_sound(), 16_000)
    _, found = read(data[:-3])
    assert len(found) == 2999


def test_what_is_written_is_read() -> None:
    samples = some_sound(channels=1)[:, 0].astype(np.float32)
    reader, found = read(endless_header(24_000) + pcm16(samples))
    assert reader.format.rate == 24_000
    np.testing.assert_allclose(found[:, 0], samples, atol=1 / 16_000)
    assert soundfile.info(io.BytesIO(endless_header(24_000) + pcm16(samples))).samplerate == 24_000


@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes_give_sound_or_a_named_error(data: bytes, keep: int) -> None:
    for whole in (data, wav(some_sound(20), 8000)[:keep] + data):
        try:
            reader, found = read(whole)
        except AudioFileError:
            continue
        assert found.shape[1] == reader.format.channels


@pytest.mark.parametrize("form", ["FLAC", "OGG"])
def test_other_formats_are_refused(form: str) -> None:
    with pytest.raises(AudioFileError, match="only WAV"):
        read(wav(some_sound(), 16_000, form, "PCM_16" if form == "FLAC" else "VORBIS"))


def test_compressed_sound_is_refused() -> None:
    with pytest.raises(AudioFileError, match="compressed"):
        read(wav(some_sound(), 16_000, "WAV", "IMA_ADPCM"))
