from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.audio.backend import (
    AudioFileError,
    AudioFileFull,
    AudioFileMissing,
    AudioFileNotWritable,
    AudioFileUnreadable,
    AudioInput,
    AudioOutput,
    EndOfInput,
)
from app.audio.files import FileInput, FileOutput


def tone(hertz: float, rate: int, seconds: float) -> np.ndarray:
    moments = np.arange(round(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * moments)).astype(np.float32)


def read_all(source: AudioInput, chunk: int = 1_280) -> np.ndarray:
    chunks = []
    while True:
        try:
            pcm = source.read(chunk, 10.0)
        except EndOfInput:
            return np.concatenate(chunks)
        assert pcm is not None
        assert pcm.shape == (chunk,)
        chunks.append(pcm)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (8_000, 1)])
def test_any_format_rate_and_channels_become_speech(
    tmp_path: Path, ending: str, rate: int, channels: int
) -> None:
    path = tmp_path / f"in.{ending}"
    pcm = tone(440.0, rate, 1.0)
    soundfile.write(path, np.stack([pcm] * channels, axis=1), rate)
    source: AudioInput = FileInput(path, paced=False)
    heard = read_all(source)
    source.close()
    assert 16_000 <= len(heard) < 16_000 + 1_280
    spectrum = np.abs(np.fft.rfft(heard[:16_000]))
    assert np.argmax(spectrum) == 440
    assert np.max(np.abs(heard[4_000:12_000])) == pytest.approx(0.5, abs=0.02)


def test_lead_in_and_tail_are_silence_around_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, np.full(1_600, 0.25), 16_000)
    heard = read_all(FileInput(path, paced=False, lead_in=0.2, tail=0.3), chunk=160)
    assert len(heard) == 1_600 + 3_200 + 4_800
    assert np.flatnonzero(heard)[[0, -1]].tolist() == [3_200, 4_799]


def test_the_last_chunk_is_filled_up_with_silence(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, np.full(1_000, 0.25), 16_000)
    source = FileInput(path, paced=False)
    pcm = source.read(1_280, 1.0)
    assert pcm is not None
    assert np.flatnonzero(pcm)[-1] == 999
    with pytest.raises(EndOfInput):
        source.read(1_280, 1.0)
    with pytest.raises(EndOfInput, match="played to its end"):
        source.read(1_280, 1.0)


def test_a_paced_file_flows_in_real_time_and_loses_nothing(tmp_path: Path, fake_time) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, np.arange(16_000) / 32_768, 16_000)
    source = FileInput(path, clock=fake_time.clock, sleep=fake_time.sleep)
    first = source.read(1_280, 1.0)
    assert fake_time.now == pytest.approx(100.08)
    assert source.read(1_280, 0.01) is None  # a timeout takes nothing
    assert source.level > -100.0
    fake_time.now += 0.2
    assert source.latency == pytest.approx(0.21)
    rest = read_all(source)
    assert fake_time.now == pytest.approx(100.0 + 13 * 0.08)
    assert first is not None
    heard = np.concatenate([first, rest])[:16_000]
    np.testing.assert_allclose(heard * 32_768, np.arange(16_000), atol=0.6)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AudioFileMissing, match=r"There is no sound file .*nothing\.wav"):
        FileInput(tmp_path / "nothing.wav")
    with pytest.raises(AudioFileMissing):
        FileInput(tmp_path)


def test_a_file_that_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "letter.wav"
    path.write_text("Dear Alice,")
    with pytest.raises(AudioFileUnreadable, match="Use a WAV, FLAC or Ogg file"):
        FileInput(path)


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_a_rate_that_no_sound_has_is_refused(tmp_path: Path, rate: int) -> None:
    path = with_rate(tmp_path / "in.wav", rate)
    with pytest.raises(AudioFileUnreadable, match=f"it claims {rate} samples a second"):
        FileInput(path)


@pytest.mark.parametrize("rate", [1_000, 767_999, 768_000])
def test_the_oddest_rates_that_are_taken_become_speech(tmp_path: Path, rate: int) -> None:
    heard = read_all(FileInput(with_rate(tmp_path / "in.wav", rate), paced=False))
    assert 16_000**2 / rate <= len(heard) < 16_000**2 / rate + 1_280


def with_rate(path: Path, rate: int) -> Path:
    """A WAV of 16 000 samples that says they are of this rate."""
    soundfile.write(path, tone(440.0, 16_000, 1.0), 16_000)
    wav = bytearray(path.read_bytes())
    wav[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(wav)
    return path


def test_a_file_damaged_in_the_middle_is_played_so_far_and_told(tmp_path: Path) -> None:
    path = tmp_path / "in.flac"
    noise = 0.1 * np.random.default_rng(0).standard_normal(64_000)
    soundfile.write(path, noise, 16_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    told: list[AudioFileError] = []
    source = FileInput(path, paced=False, tail=0.08, on_trouble=told.append)
    assert source.trouble is None
    heard = read_all(source)
    assert 30_000 < len(heard) < 40_000
    np.testing.assert_allclose(heard[:30_000], noise[:30_000], atol=1e-4)
    assert told == [source.trouble]
    assert isinstance(source.trouble, AudioFileUnreadable)
    assert "in.flac could not be read as sound" in str(source.trouble)
    with pytest.raises(EndOfInput):
        source.read(1_280, 1.0)
    assert len(told) == 1


def test_after_the_end_nothing_is_late(tmp_path: Path, fake_time) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, tone(440.0, 16_000, 0.16), 16_000)
    source = FileInput(path, clock=fake_time.clock, sleep=fake_time.sleep)
    source.read(1_280, 1.0)
    fake_time.now += 0.2
    assert source.latency == pytest.approx(0.2)
    source.read(1_280, 1.0)
    with pytest.raises(EndOfInput):
        source.read(1_280, 1.0)
    fake_time.now += 10.0
    assert source.latency == 0.0


def test_zeros_in_a_file_are_no_fault_of_a_microphone(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    source = FileInput(path, paced=False)
    read_all(source)
    assert source.zero_seconds == 0.0


def test_a_closed_file_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, tone(440.0, 16_000, 2.0), 16_000)
    source = FileInput(path, paced=False)
    source.close()
    source.close()
    assert source.read(1_280, 1.0) is None


def test_a_loudspeaker_file_holds_the_sound_and_the_gaps_between(tmp_path: Path, fake_time) -> None:
    path = tmp_path / "out.wav"
    output: AudioOutput = FileOutput(path, 16_000, clock=fake_time.clock, sleep=fake_time.sleep)
    fake_time.now += 5.0  # silence before the first sound is not written
    output.write(np.full(1_600, 0.25, np.float32))
    assert output.queued == pytest.approx(0.1)
    assert output.wait_below(0.04, 1.0)
    assert fake_time.now == pytest.approx(105.06)
    output.write(np.full(1_600, 0.5, np.float32))  # in time
    fake_time.now += 0.64
    output.write(np.full(1_600, 0.75, np.float32))  # half a second late
    output.close()
    pcm, rate = soundfile.read(path)
    assert rate == 16_000
    assert output.underruns == 1
    values = [0.25] * 1_600 + [0.5] * 1_600 + [0.0] * 8_000 + [0.75] * 1_600
    np.testing.assert_allclose(pcm, values, atol=1e-4)


def test_an_unpaced_output_takes_all_at_once(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "out.wav", 16_000, paced=False)
    for _ in range(10):
        assert output.wait_below(0.0, 0.0)
        output.write(np.full(16_000, 0.25, np.float32))
    output.close()
    output.close()
    output.write(np.zeros(5, np.float32))  # ignored
    assert soundfile.info(tmp_path / "out.wav").frames == 160_000


def test_the_file_is_playable_while_it_is_written(tmp_path: Path, fake_time) -> None:
    path = tmp_path / "out.wav"
    output = FileOutput(path, 16_000, clock=fake_time.clock, sleep=fake_time.sleep)
    for _ in range(40):
        output.write(np.full(1_600, 0.25, np.float32))
        output.wait_below(0.0, 1.0)
    assert soundfile.info(path).frames >= 16_000 * 2.8  # as a killed program leaves it
    output.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AudioFileNotWritable, match="Choose a folder you may write to"):
        FileOutput(tmp_path / "nowhere" / "out.wav", 16_000)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_disk_that_is_full_from_the_start() -> None:
    with pytest.raises(AudioFileNotWritable, match="No space left"):
        FileOutput("/dev/full", 16_000)


def test_a_disk_that_fills_up_keeps_what_was_heard_and_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.wav"
    told: list[AudioFileError] = []
    output = FileOutput(path, 16_000, paced=False, on_trouble=told.append)
    output.write(np.full(1_600, 0.25, np.float32))
    put = output._wav._put

    def half_full(data: bytes) -> None:
        if len(data) > 44:  # the header needs no room
            put(data[: len(data) // 2 + 1])
            raise OSError(errno.ENOSPC, "No space left on device")
        put(data)

    monkeypatch.setattr(output._wav, "_put", half_full)
    for _ in range(3):
        output.write(np.full(1_600, 0.25, np.float32))
    assert len(told) == 1
    assert isinstance(output.trouble, AudioFileFull)
    assert "No space left on device" in str(output.trouble)
    output.close()
    pcm, _ = soundfile.read(path)
    assert len(pcm) == 2_400
    np.testing.assert_allclose(pcm, 0.25, atol=1e-4)
