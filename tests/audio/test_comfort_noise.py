from __future__ import annotations

import numpy as np
import pytest

from app.audio.comfort_noise import ComfortNoise
from app.audio.voice_activity import VoiceActivity
from app.core.packet import NO_SOUND, NoiseHint


def played(noise: ComfortNoise, seconds: float, rate: int) -> np.ndarray:
    return np.concatenate([noise.step(rate // 50) for _ in range(round(seconds * 50))])


def test_it_begins_as_silence() -> None:
    noise = ComfortNoise(16_000)
    assert not noise.is_audible
    assert not noise.step(320).any()


@pytest.mark.parametrize("rate", [16_000, 24_000])
@pytest.mark.parametrize("level", [20, 50, 70])
@pytest.mark.parametrize("shape", [(127, 127, 127), (30, 105, 110)])
def test_it_is_as_loud_as_the_hint_says(rate: int, level: int, shape: tuple) -> None:
    noise = ComfortNoise(rate, seed=1)
    noise.become(NoiseHint(level, shape))
    assert noise.is_audible
    played(noise, 1, rate)
    rms = float(np.sqrt(np.mean(played(noise, 4, rate) ** 2)))
    assert 20 * np.log10(rms) == pytest.approx(-level, abs=0.7)


def test_it_has_the_colour_of_the_room() -> None:
    """What one end measures of a room and the other makes of it have the same spectrum."""
    rng = np.random.default_rng(2)
    spectrum = np.fft.rfft(rng.standard_normal(16_000 * 8))
    room = np.fft.irfft(spectrum / (np.arange(len(spectrum)) + 4000))
    room = (room / room.std() * 0.01).astype(np.float32)
    activity = VoiceActivity()
    for start in range(0, len(room) - 1279, 1280):
        activity.step(room[start : start + 1280])
    noise = ComfortNoise(16_000, seed=3)
    noise.become(activity.noise)
    made = played(noise, 6, 16_000)[16_000:]

    def bands(pcm: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(pcm)) ** 2 / len(pcm)
        return np.array([10 * np.log10(part.mean()) for part in np.array_split(power, 8)])

    measured, produced = bands(room), bands(made) + 10 * np.log10(len(room) / len(made)) * 0
    assert np.abs(measured - produced).max() < 4


def test_it_glides_and_does_not_jump() -> None:
    noise = ComfortNoise(16_000, seed=4)
    noise.become(NoiseHint(30))
    loudness = [float(np.std(noise.step(160))) for _ in range(60)]
    assert loudness[0] < 0.4 * np.mean(loudness[-20:])
    noise.become(NO_SOUND)
    after = played(noise, 1, 16_000)
    assert np.std(after[:320]) > 0.005
    assert not noise.is_audible or np.abs(after[-160:]).max() < 1e-4


def test_it_never_repeats() -> None:
    noise = ComfortNoise(16_000, seed=5)
    noise.become(NoiseHint(30))
    pcm = played(noise, 2, 16_000)[8000:]
    correlation = np.fft.irfft(np.abs(np.fft.rfft(pcm, 2 * len(pcm))) ** 2)[: len(pcm)]
    assert correlation[200:].max() < 0.15 * correlation[0]
