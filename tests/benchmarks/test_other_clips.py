from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import other_clips
from benchmarks.other_clips import RATE, Clip
from codec.evaluate.table import corpus_of, is_english


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.2, 0.2, int(seconds * RATE))


def test_names_say_kind_and_language_and_are_each_of_one_clip():
    names = [clip.name for clip in other_clips.clips()]
    assert len(set(names)) == len(names)
    assert {corpus_of(Path(name)) for name in names} == {
        "prompts",
        "words",
        "acted",
        "shouted",
        "radio",
        "talk",
    }
    assert is_english(Path("talk-austen-en.wav"))
    assert not is_english(Path("words-kde-fr.wav"))
    assert all(len(name.split("-")) == 3 for name in names)


def test_sounds_of_any_kind_are_joined_in_order_without_their_silence(tmp_path):
    silence = np.zeros(RATE)
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, noise(1), silence]), RATE)
    (noise(0.5) * 32767).astype("<i2").tofile(tmp_path / "b.raw")
    made = other_clips.joined(tmp_path, Clip("a-b-en", ("a.wav", "b.raw"), raw_rate=RATE))
    assert len(made) == pytest.approx((1.5 + 2 * other_clips.PAUSE) * RATE, abs=50)
    assert np.abs(made).max() == pytest.approx(other_clips.FULL, abs=0.01)
    skipped = other_clips.joined(tmp_path, Clip("a-b-en", ("a.wav",), skip_seconds=0.25))
    assert np.array_equal(skipped, made[RATE // 4 : len(skipped) + RATE // 4])


def test_ten_seconds_are_enough_and_none_is_told(tmp_path):
    soundfile.write(tmp_path / "long.wav", noise(12), RATE)
    assert len(other_clips.joined(tmp_path, Clip("a-b-en", ("*.wav",)))) == 10 * RATE
    with pytest.raises(SystemExit, match="package"):
        other_clips.joined(tmp_path, Clip("a-b-en", ("*.ogg",)))


def test_noise_lies_ten_decibels_under_speech():
    speech, other = noise(1), noise(0.3, 1)
    both = other_clips.mixed(speech, other)
    assert np.abs(both).max() == pytest.approx(other_clips.FULL)
    share = np.dot(both, speech) / np.dot(speech, speech)
    rest = both - share * speech
    ratio = 10 * np.log10(np.mean((share * speech) ** 2) / np.mean(rest**2))
    assert ratio == pytest.approx(other_clips.SNR_DB, abs=0.3)
