from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.audio.backend import (
    AudioFileError,
    AudioFileMissing,
    AudioFileNotWritable,
    AudioFileUnreadable,
    EndOfInput,
)
from app.audio.instead import FilesInstead, SameFile, check_files

RATE = 16_000
ONE_SECOND = 0.5 * np.sin(np.arange(RATE) * 0.2).astype(np.float32)


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.wav"
    soundfile.write(path, ONE_SECOND, RATE)
    return path


def test_looking_whether_files_can_be_used_changes_none(clip, tmp_path):
    existing, new = tmp_path / "keep.wav", tmp_path / "new.wav"
    existing.write_bytes(b"what was heard yesterday")
    check_files(clip, existing)
    check_files(clip, new)
    assert existing.read_bytes() == b"what was heard yesterday"
    assert not new.exists()


def test_the_file_that_is_spoken_is_never_written(clip, tmp_path):
    before = clip.read_bytes()
    link, hard = tmp_path / "link.wav", tmp_path / "hard.wav"
    link.symlink_to(clip)
    os.link(clip, hard)
    for same in (clip, link, hard):
        with pytest.raises(SameFile, match="Choose another file"):
            check_files(clip, same)
    assert clip.read_bytes() == before


def test_files_that_cannot_be_used_are_refused(clip, tmp_path):
    with pytest.raises(AudioFileMissing):
        check_files(tmp_path / "none.wav", None)
    with pytest.raises(AudioFileNotWritable):
        check_files(clip, tmp_path / "no folder" / "heard.wav")
    with pytest.raises(AudioFileNotWritable):
        check_files(clip, tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioFileNotWritable):
        check_files(clip, tmp_path / "pipe.wav")


def test_choosing_a_device_in_mid_call_loses_nothing_that_was_heard(tmp_path):
    heard = tmp_path / "heard.wav"
    backend = FilesInstead(None, output_file=heard)
    first = backend.open_output(None, RATE)
    first.write(ONE_SECOND)
    first.close()
    assert soundfile.info(heard).frames == RATE  # It can be played although it is not over.
    second = backend.open_output("headphones", RATE)
    second.write(ONE_SECOND)
    second.close()
    backend.finish()
    assert soundfile.info(heard).frames >= 2 * RATE
    assert backend.trouble is None


def test_choosing_a_device_in_mid_call_does_not_begin_the_clip_again(clip):
    backend = FilesInstead(None, input_file=clip)
    microphone = backend.open_input(None)
    first = microphone.read(400, 5.0)
    microphone.close()
    second = backend.open_input("headset").read(400, 5.0)
    spoken = np.concatenate([first, second])
    assert np.allclose(spoken, ONE_SECOND[:800], atol=1e-3)


def test_the_next_call_speaks_from_the_beginning_and_writes_over_nothing(clip, tmp_path):
    heard, taken = tmp_path / "heard.wav", tmp_path / "heard-2.wav"
    taken.write_bytes(b"somebody else's")
    backend = FilesInstead(None, input_file=clip, output_file=heard)
    for _ in range(2):
        assert np.allclose(backend.open_input(None).read(400, 5.0), ONE_SECOND[:400], atol=1e-3)
        backend.open_output(None, RATE).write(ONE_SECOND)
        backend.finish()
    assert soundfile.info(heard).frames == RATE
    assert taken.read_bytes() == b"somebody else's"
    assert soundfile.info(tmp_path / "heard-3.wav").frames == RATE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_output_that_fails_is_remembered():
    told: list[AudioFileError] = []
    backend = FilesInstead(None, output_file=Path("/dev/full"), on_trouble=told.append)
    with pytest.raises(AudioFileNotWritable):
        backend.open_output(None, RATE)
    assert isinstance(backend.trouble, AudioFileNotWritable)
    assert told == []  # It was raised.


def read_all(microphone) -> None:
    for _ in range(100):
        microphone.read(3_200, 5.0)


def test_a_clip_that_breaks_off_is_remembered_and_told(tmp_path):
    clip = tmp_path / "half.flac"
    soundfile.write(clip, np.random.default_rng(0).uniform(-0.5, 0.5, 32_000), RATE)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    told: list[AudioFileError] = []
    backend = FilesInstead(None, input_file=clip, on_trouble=told.append)
    with pytest.raises(EndOfInput):
        read_all(backend.open_input(None))
    assert isinstance(backend.trouble, AudioFileUnreadable)
    assert told == [backend.trouble]
