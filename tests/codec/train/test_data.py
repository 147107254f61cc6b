from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from codec.train import data
from codec.train.augment import Augmentation
from tests.codec.train.conftest import TEACHER_DIM


def test_utterances_are_cut_out_and_cached_with_their_features(speech, teacher, tmp_path):
    cache = tmp_path / "cache"
    data.prepare(speech, cache, teacher, layer=2)
    crops = data.load(cache, TEACHER_DIM)
    assert [length for _, length in crops.index] == [75, 100, 60, 85]  # The 0.4 s one is left out.
    assert len(crops.samples) == 320 * len(crops.features)
    for (first, length), wave in zip(crops.index, list(data.utterances(speech))[1:], strict=False):
        assert length * 320 <= len(crops.samples) - first * 320
        assert wave.dtype == np.int16


def test_a_crop_keeps_speech_and_features_together(speech, teacher, tmp_path):
    cache = tmp_path / "cache"
    data.prepare(speech, cache, teacher, layer=1)
    crops = data.load(cache, TEACHER_DIM)
    waves, wanted, features = crops.batch(8, 1.0, np.random.default_rng(1))
    assert torch.equal(waves, wanted)
    assert waves.shape == (8, 16_000)
    assert features.shape == (8, 50, TEACHER_DIM)
    samples = torch.from_numpy(crops.samples.astype(np.float32) / 32768)
    for wave, rows in zip(waves, features, strict=True):
        starts = [s for s in range(0, len(samples) - 15_999, 320) if samples[s] == wave[0]]
        at = next(s for s in starts if torch.equal(samples[s : s + 16_000], wave)) // 320
        expected = (crops.features[at : at + 50] - crops.mean) / crops.deviation
        np.testing.assert_allclose(rows.numpy(), expected, rtol=1e-5)


def test_a_prepared_cache_is_not_made_again(speech, teacher, tmp_path):
    cache = tmp_path / "cache"
    data.prepare(speech, cache, teacher, layer=1)
    before = (cache / "speech.i16").stat().st_mtime_ns
    data.prepare(tmp_path / "gone", cache, teacher, layer=1)
    assert (cache / "speech.i16").stat().st_mtime_ns == before


def test_a_folder_without_an_index_is_told(teacher, tmp_path):
    with pytest.raises(data.SpeechMissing, match=r"index\.tsv"):
        data.prepare(tmp_path, tmp_path / "cache", teacher, layer=1)


def test_stretched_speech_keeps_its_features_beside_it(speech, teacher, tmp_path):
    data.prepare(speech, tmp_path / "cache", teacher, layer=1)
    crops = data.load(tmp_path / "cache", TEACHER_DIM)
    ramp = np.linspace(0, 1, len(crops.features), dtype=np.float32)[:, None]
    crops = replace(crops, features=np.repeat(ramp, TEACHER_DIM, 1), mean=0.0, deviation=1.0)
    augmentation = Augmentation(speed_share=1.0, speed=0.2, gain_db=(0.0, 0.0))
    heard, _, features = crops.batch(4, 0.96, np.random.default_rng(0), augmentation)
    assert heard.shape == (4, 15_360)
    assert features.shape == (4, 48, TEACHER_DIM)
    steps = features[:, 1:, 0] - features[:, :-1, 0]
    paces = steps.mean(1) * (len(ramp) - 1)
    torch.testing.assert_close(
        steps, steps.mean(1, keepdim=True).expand_as(steps), atol=1e-4, rtol=0
    )
    assert paces.max() - paces.min() > 0.05
    assert ((paces > 0.8) & (paces < 1.25)).all()
