from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.audio.wav import WavWriter


def ramp(count: int) -> np.ndarray:
    return (np.arange(count) / 32767.0).astype(np.float32)


def test_it_writes_what_soundfile_reads(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    wav = WavWriter(path, 16_000)
    wav.write(ramp(100))
    wav.write(np.array([2.0, -2.0], np.float32))  # clipped, not wrapped
    wav.close()
    pcm, rate = soundfile.read(path, dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(pcm, [*range(100), 32767, -32767])
    assert soundfile.info(path).subtype == "PCM_16"


def test_it_is_playable_without_being_closed(tmp_path: Path) -> None:
    path = tmp_path / "killed.wav"
    wav = WavWriter(path, 16_000)
    wav.write(ramp(500))
    wav.settle()
    wav.write(ramp(200))
    pcm, _ = soundfile.read(path)
    assert len(pcm) in (500, 700)
    wav.settle()
    pcm, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(pcm, [*range(500), *range(200)])
    wav.close()


def test_a_file_nothing_was_written_to_is_an_empty_sound(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    WavWriter(path, 16_000).close()
    assert soundfile.info(path).frames == 0


def test_a_file_too_long_for_its_header_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.audio.wav._LARGEST", 400)
    path = tmp_path / "long.wav"
    wav = WavWriter(path, 16_000)
    wav.write(ramp(200))
    with pytest.raises(OSError, match="4 GB"):
        wav.write(ramp(1))
    wav.close()
    assert soundfile.info(path).frames == 200
