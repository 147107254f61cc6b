from __future__ import annotations

import csv

import numpy as np
import pytest
import soundfile
import torch

from codec.errors import AudioFileError
from codec.train.paper.config import SpeechRecipe
from codec.train.paper.speech import Speech, SpeechUnusable, utterances

RECIPE = SpeechRecipe(seconds=0.3, gain_db=(-15.0, 6.0), readers=2)


@pytest.fixture
def opened():
    """Makes `Speech` and closes it after the test."""
    made: list[Speech] = []

    def open_(folder, recipe=RECIPE, batch=3, rate=24_000):
        made.append(Speech(folder, recipe, batch, rate))
        return made[-1]

    yield open_
    for speech in made:
        speech.close()


def test_a_crop_is_the_same_sound_at_both_rates(opened, sounds):
    batch = opened(sounds).batch(0)
    assert batch.heard.shape == (3, 3 * 1280)
    assert batch.wanted.shape == (3, 3 * 1920)
    for heard, wanted in zip(batch.heard, batch.wanted, strict=True):
        low = torch.fft.rfft(heard)[:300] / len(heard)
        same = torch.fft.rfft(wanted)[:300] / len(wanted)
        assert (low - same).abs().max() < 0.05 * same.abs().max()


def test_a_step_has_its_crops_whatever_came_before(opened, sounds):
    first, second = opened(sounds), opened(sounds)
    for step in range(3):
        first.batch(step)
    assert torch.equal(first.batch(3).wanted, second.batch(3).wanted)
    assert not torch.equal(second.batch(4).wanted, second.batch(3).wanted)


def test_gain_varies_and_nothing_is_clipped(opened, tmp_path):
    tone = 0.5 * np.sin(np.arange(24_000) * 0.2)
    soundfile.write(tmp_path / "tone.flac", tone, 24_000)
    loud = SpeechRecipe(seconds=0.3, gain_db=(-12.0, 20.0), readers=2)
    peaks = opened(tmp_path, loud, batch=24).batch(0).wanted.abs().amax(1)
    assert peaks.max() <= 1.0
    assert 0.125 - 1e-3 <= peaks.min() < 0.4
    assert peaks.max() > 0.9


def test_an_index_says_what_to_take(opened, tmp_path):
    (tmp_path / "train").mkdir()
    quiet_then_loud = np.concatenate([np.zeros(16_000), 0.5 * np.ones(16_000), np.zeros(16_000)])
    soundfile.write(tmp_path / "train" / "a.wav", quiet_then_loud, 16_000)
    with open(tmp_path / "index.tsv", "w", newline="") as table:
        writer = csv.writer(table, delimiter="\t")
        writer.writerow(["file", "start_s", "seconds", "speaker", "language", "corpus"])
        writer.writerow(["train/a.wav", "1.000", "1.000", "s", "en", "c"])
        writer.writerow(["valid/b.wav", "0.000", "9.000", "s", "en", "c"])
    assert len(utterances(tmp_path)) == 1
    speech = opened(tmp_path)
    assert speech.source_rate == 16_000
    level = speech.batch(0).heard
    assert (level - level[:, :1]).abs().max() < 1e-6
    assert level.min() > 0.05


def test_what_cannot_be_used_is_said(opened, tmp_path):
    with pytest.raises(SpeechUnusable, match="no speech"):
        opened(tmp_path)
    soundfile.write(tmp_path / "short.wav", np.zeros(2_000), 24_000)
    with pytest.raises(SpeechUnusable, match="as long as a crop"):
        opened(tmp_path).batch(0)
    (tmp_path / "short.wav").write_bytes(b"no sound at all")
    with pytest.raises(AudioFileError, match=r"short\.wav"):
        opened(tmp_path).batch(0)
