from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from codec.errors import CodecError
from codec.train import __main__ as command
from codec.train import adversarial, data, discriminators, lite
from tests.codec.train.conftest import TEACHER_DIM
from tests.codec.train.test_lite import CONFIG
from tests.models import small_codec


@pytest.fixture
def batch(speech, teacher, tmp_path):
    data.prepare(speech, tmp_path / "cache", teacher, layer=1)
    crops = data.load(tmp_path / "cache", TEACHER_DIM)
    return crops.batch(2, 0.96, np.random.default_rng(0))


def training() -> adversarial.AdversarialTraining:
    torch.manual_seed(0)
    return adversarial.AdversarialTraining(CONFIG, TEACHER_DIM)


def test_the_whole_model_learns_from_the_jury(batch):
    run = training()
    before = {key: value.clone() for key, value in run.model.named_parameters()}
    for _ in range(3):
        losses = run.learn(batch, 0.0)
    assert {"jury", "persuasion", "feature", "mel"} <= losses.keys()
    assert all(np.isfinite(value) for value in losses.values())
    for part in ("encoder_in", "decompressor_in", "upsample"):
        name = f"{part}.weight"
        assert not torch.equal(before[name], dict(run.model.named_parameters())[name])


def test_the_jury_sits_in_one_of_so_many_steps(batch):
    torch.manual_seed(0)
    config = CONFIG | {"adversarial": CONFIG["adversarial"] | {"jury_every": 3}}
    run = adversarial.AdversarialTraining(config, TEACHER_DIM)
    sat = []
    for _ in range(6):
        jury = [parameter.clone() for parameter in run.jury.parameters()]
        losses = run.learn(batch, 0.0)
        assert {"jury", "persuasion", "feature", "mel"} <= losses.keys()
        after = run.jury.parameters()
        sat.append(any(not torch.equal(a, b) for a, b in zip(jury, after, strict=True)))
    assert sat == [True, False, False] * 2


def test_a_resumed_run_has_its_jury_back(batch, tmp_path):
    run = training()
    run.learn(batch, 0.0)
    run.save(tmp_path / "last.safetensors")
    other = adversarial.AdversarialTraining(CONFIG, TEACHER_DIM)
    other.resume(tmp_path / "last.safetensors")
    for mine, theirs in zip(run.jury.parameters(), other.jury.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert other.step == 1


def test_it_begins_from_what_another_run_made(batch, tmp_path):
    first = lite.Training(CONFIG, TEACHER_DIM)
    first.learn(batch, 0.0)
    first.save(tmp_path / "last.safetensors")
    run = training()
    run.begin_from(tmp_path)
    for key, value in run.model.state_dict().items():
        assert torch.equal(value, first.average[key])
    assert run.step == 0


def test_it_begins_from_an_exported_model_too(tmp_path):
    weights = small_codec(seed=7).state_dict()
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG["model"]))
    run = training()
    run.begin_from(tmp_path)
    for key, value in run.model.state_dict().items():
        assert torch.equal(value, weights[key])
        assert torch.equal(run.average[key], value)
    with pytest.raises(CodecError, match=r"config\.json"):
        run.begin_from(tmp_path / "nowhere")


def test_the_jury_can_tell_noise_from_a_tone():
    torch.manual_seed(0)
    jury = discriminators.Jury(width=8)
    optimizer = torch.optim.AdamW(jury.parameters(), lr=1e-2)
    tone = 0.3 * torch.sin(torch.arange(8_000) * 0.3).repeat(2, 1)
    losses = []
    for _ in range(25):
        loss = discriminators.jury_loss(jury(tone), jury(0.3 * torch.randn(2, 8_000)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    same = discriminators.feature_loss(jury(tone), jury(tone))
    assert same.item() == 0.0


def test_the_jury_goes_on_from_what_was_exported_beside_a_model(batch, tmp_path):
    run = training()
    run.learn(batch, 0.0)
    run.save(tmp_path / "last.safetensors")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    to, beside = tmp_path / "model", tmp_path / "beside.safetensors"
    words = ["export", "--folder", str(tmp_path), "--to", str(to), "--beside", str(beside)]
    assert command.main(["--config", str(config), *words]) == 0
    torch.manual_seed(1)
    other = adversarial.AdversarialTraining(CONFIG, TEACHER_DIM)
    other.begin_from(to, beside)
    for mine, theirs in zip(run.jury.parameters(), other.jury.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-3)
    assert torch.allclose(run.heads.teacher.weight, other.heads.teacher.weight, atol=1e-3)
