from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio_file import BLOCK_FRAMES, audio_output, open_audio, resampled
from codec.errors import AudioFileError, DiskFull, OutputError


def tone(rate: int, seconds: float = 1.5) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype(
        np.float32
    )


@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg", ".opus"])
def test_what_is_written_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"tone{ending}"
    sound = tone(24_000)
    with audio_output(path, 24_000) as write:
        for start in range(0, len(sound), 5000):
            write(sound[start : start + 5000])
    with open_audio(path) as audio:
        assert audio.frames == len(sound)
        found = np.concatenate(list(resampled(audio.mono(), audio.rate, 24_000)))
    assert np.corrcoef(found, sound)[0, 1] > 0.99
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000, 96_000])
def test_any_rate_and_stereo_become_mono_at_16_khz_in_place(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "stereo.wav"
    sound = tone(rate)
    soundfile.write(path, np.stack([1.5 * sound, 0.5 * sound], 1), rate, subtype="FLOAT")
    with open_audio(path) as audio:
        found = np.concatenate(list(resampled(audio.mono(), rate, 16_000)))
    expected = tone(16_000)
    assert abs(len(found) - len(expected)) <= 1
    middle = slice(1000, 20_000)
    np.testing.assert_allclose(found[middle], expected[middle], atol=2e-3)


def test_a_file_is_read_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(5 * BLOCK_FRAMES + 3), 16_000)
    with open_audio(path) as audio:
        assert [len(block) for block in audio.mono()] == [BLOCK_FRAMES] * 5 + [3]


def test_files_that_are_no_sound(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="no such file"), open_audio(tmp_path / "none.wav"):
        pass
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(AudioFileError, match=r"text\.wav"), open_audio(tmp_path / "text.wav"):
        pass
    with pytest.raises(AudioFileError), open_audio(tmp_path):
        pass


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_a_rate_that_no_sound_has_is_refused(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "odd.wav"
    soundfile.write(path, tone(16_000), 16_000)
    wav = bytearray(path.read_bytes())
    wav[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(wav)
    with pytest.raises(AudioFileError, match=f"{rate} samples a second"), open_audio(path):
        pass


def test_an_unknown_ending(tmp_path: Path) -> None:
    with (
        pytest.raises(AudioFileError, match=r"\.wav, \.flac"),
        audio_output(tmp_path / "x.aiff2", 24_000),
    ):
        pass


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "old.wav"
    path.write_bytes(b"old")

    def stopped() -> None:
        with audio_output(path, 24_000) as write:
            write(tone(24_000))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.filterwarnings("error")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg"])
def test_a_full_disk_is_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"full{ending}"
    path.symlink_to("/dev/full")

    def fill() -> None:
        with audio_output(path, 24_000) as write:
            for _ in range(20):
                write(tone(24_000))

    with pytest.raises(DiskFull, match="disk is full"):
        fill()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"nowhere"),
        audio_output(tmp_path / "nowhere" / "x.wav", 24_000),
    ):
        pass
