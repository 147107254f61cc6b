from __future__ import annotations

import numpy as np
import pytest
import soundfile

from app.audio.voice_activity import HANG_OVER_CHUNKS, VoiceActivity
from app.core.packet import NO_SOUND
from app.demo import bundled_clip

CHUNK = 1280
RNG = np.random.default_rng(0)


def noise(seconds: float, dbfs: float, brown: bool = False) -> np.ndarray:
    white = RNG.standard_normal(round(seconds * 16_000))
    if brown:
        spectrum = np.fft.rfft(white)
        white = np.fft.irfft(spectrum / (np.arange(len(spectrum)) + 50), len(white))
    return (white / white.std() * 10 ** (dbfs / 20)).astype(np.float32)


def heard(activity: VoiceActivity, pcm: np.ndarray) -> list[bool]:
    return [
        activity.step(pcm[start : start + CHUNK]) for start in range(0, len(pcm) - CHUNK + 1, CHUNK)
    ]


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    pcm, rate = soundfile.read(bundled_clip(), dtype="float32")
    assert rate == 16_000
    return pcm[: 8 * 16_000] / np.abs(pcm).max() * 0.5


def test_zeros_and_faint_hiss_are_silence_from_the_start() -> None:
    assert not any(heard(VoiceActivity(), np.zeros(CHUNK * 20, np.float32)))
    assert not any(heard(VoiceActivity(), noise(2, -80)))


@pytest.mark.parametrize("dbfs", [-60, -40, -25])
@pytest.mark.parametrize("brown", [False, True])
def test_steady_noise_is_silence_once_it_is_known(dbfs: float, brown: bool) -> None:
    activity = VoiceActivity()
    heard(activity, noise(5, dbfs, brown))
    assert not any(heard(activity, noise(10, dbfs, brown)))


@pytest.mark.parametrize("noise_dbfs", [-90, -60, -45])
def test_speech_is_heard_from_its_onset_on(speech: np.ndarray, noise_dbfs: float) -> None:
    activity = VoiceActivity()
    quiet, after = 5 * 16_000, 3 * 16_000
    pcm = np.concatenate([np.zeros(quiet), speech, np.zeros(after)]).astype(np.float32)
    decisions = heard(activity, pcm + noise(len(pcm) / 16_000, noise_dbfs))
    # The chunk before the first is sent as well (`core.packing`).
    sent = [now or soon for now, soon in zip(decisions, [*decisions[1:], False], strict=True)]
    levels = [float(np.std(pcm[i * CHUNK : (i + 1) * CHUNK])) for i in range(len(sent))]
    loud = [level > max(0.02 * max(levels), 10 ** (noise_dbfs / 20)) for level in levels]
    missed = [index for index, level in enumerate(loud) if level and not sent[index]]
    assert len(missed) <= 0.03 * sum(loud)
    assert sent[loud.index(True)]
    assert not any(decisions[-10:])


def test_the_hang_over_bridges_short_pauses(speech: np.ndarray) -> None:
    activity = VoiceActivity()
    loudest = int(np.argmax(np.abs(speech)))
    heard(activity, np.zeros(CHUNK * 60, np.float32))
    word = speech[loudest - 4000 : loudest + 4000]
    heard(activity, word)
    after = heard(activity, np.zeros(CHUNK * 10, np.float32))
    assert HANG_OVER_CHUNKS - 1 <= sum(after) <= HANG_OVER_CHUNKS + 1
    assert after == sorted(after, reverse=True)


def test_a_louder_background_is_learnt_within_seconds() -> None:
    activity = VoiceActivity()
    heard(activity, noise(6, -60))
    decisions = heard(activity, noise(10, -40))
    assert decisions[0]
    assert not any(decisions[-30:])


def test_the_background_is_told_as_it_is() -> None:
    activity = VoiceActivity()
    assert activity.noise == NO_SOUND
    heard(activity, noise(8, -50))
    white = activity.noise
    assert white.level == pytest.approx(50, abs=1)
    assert all(abs(k - 127) < 12 for k in white.shape)
    heard(activity, noise(12, -50, brown=True))
    assert activity.noise.shape[0] < 80  # neighbouring samples are much alike
    heard(activity, np.zeros(16_000 * 12, np.float32))
    assert activity.noise == NO_SOUND
