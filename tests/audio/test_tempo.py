from __future__ import annotations

import numpy as np
import pytest
import soundfile

from app.audio.tempo import Seam, retimed
from app.demo import bundled_clip

RATE = 16_000


def tone(samples: int, hertz: float = 180.0) -> np.ndarray:
    time = np.arange(samples) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time) * (1 + 0.1 * time)).astype(np.float32)


@pytest.mark.parametrize("seconds", [-0.02, -0.01, 0.01, 0.016])
def test_a_voice_keeps_its_pitch(seconds: float) -> None:
    pcm = tone(1280)
    out = retimed(pcm, RATE, seconds)
    change = (len(out) - len(pcm)) / RATE
    assert 0 < change / seconds <= 1
    assert change == pytest.approx(seconds, abs=0.006)
    assert np.abs(np.diff(out)).max() <= 1.1 * np.abs(np.diff(pcm)).max()
    assert out[0] == pcm[0]
    assert out[-1] == pcm[-1]


def test_speech_reaches_the_tempo_asked_for() -> None:
    speech, rate = soundfile.read(bundled_clip(), dtype="float32", frames=RATE * 4)
    assert rate == RATE
    for seconds in (-0.02, 0.016):
        chunks = speech[: len(speech) // 1280 * 1280].reshape(-1, 1280)
        out = [retimed(chunk, RATE, seconds) for chunk in chunks]
        change = sum(len(chunk) for chunk in out) / len(speech) - 1
        assert change * 0.08 == pytest.approx(seconds, rel=0.5)
        steps = max(np.abs(np.diff(chunk)).max() for chunk in out)
        assert steps <= 1.2 * np.abs(np.diff(speech)).max()


def test_what_does_not_repeat_is_left_alone() -> None:
    noise = 0.3 * np.random.default_rng(0).standard_normal(1280).astype(np.float32)
    assert retimed(noise, RATE, -0.02) is noise


def test_quiet_sound_is_cut_anywhere() -> None:
    hiss = 0.0005 * np.random.default_rng(1).standard_normal(1280).astype(np.float32)
    assert len(retimed(hiss, RATE, -0.02)) < 1280
    silence = np.zeros(1280, np.float32)
    assert len(retimed(silence, RATE, -0.02)) <= 1280 - round(0.0025 * RATE)
    assert len(retimed(silence, RATE, 0.016)) > 1280


@pytest.mark.parametrize("seconds", [0.0, 0.001, -0.002])
def test_less_than_a_period_is_no_change(seconds: float) -> None:
    pcm = tone(1280)
    assert retimed(pcm, RATE, seconds) is pcm


def test_a_seam_takes_the_step_away() -> None:
    seam = Seam(RATE)
    before, after = np.full(320, 0.4, np.float32), np.full(320, -0.2, np.float32)
    seam.follow(before)
    joined = seam.join(after)
    assert abs(joined[0] - before[-1]) < 1e-6
    assert np.abs(np.diff(joined)).max() < 0.02
    assert np.array_equal(joined[100:], after[100:])
    assert after[0] == np.float32(-0.2)  # what it was given stays as it was
