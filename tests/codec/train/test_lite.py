"""The whole training in miniature: prepare, run, stop, resume, export, load."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

import codec
from codec.train import __main__ as command
from codec.train import data, lite
from tests.codec.train.conftest import TEACHER_DIM
from tests.models import SMALL_LITE

CONFIG = {
    "model": SMALL_LITE,
    "training": {
        "batch": 2,
        "seconds": 0.96,
        "learning_rate": 1e-3,
        "warmup_steps": 2,
        "cooldown_fraction": 0.5,
        "ema": 0.9,
        "clip": 5.0,
        "entropy_weight": 0.1,
        "teacher_weight": 0.5,
        "teacher_layer": 1,
        "mel_weight": 1.0,
        "stft_weight": 0.5,
        "bf16": False,
    },
    "adversarial": {
        "persuasion_weight": 0.1,
        "feature_weight": 0.5,
        "crop_seconds": 0.5,
        "jury_width": 2,
    },
}


@pytest.fixture
def crops(speech, teacher, tmp_path):
    data.prepare(speech, tmp_path / "cache", teacher, layer=1)
    return data.load(tmp_path / "cache", TEACHER_DIM)


def training() -> lite.Training:
    torch.manual_seed(0)
    return lite.Training(CONFIG, TEACHER_DIM)


def test_the_losses_fall(crops):
    run = training()
    sig, teacher = crops.batch(4, 0.96, np.random.default_rng(0))
    first = run.learn(sig, teacher, 0.0)
    for _ in range(30):
        last = run.learn(sig, teacher, 0.0)
    assert last["mel"] < 0.9 * first["mel"]
    assert last["teacher"] < first["teacher"]


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(crops, tmp_path):
    batches = [crops.batch(2, 0.96, np.random.default_rng(i)) for i in range(6)]
    whole = training()
    for sig, teacher in batches:
        whole.learn(sig, teacher, 0.0)
    first = training()
    for sig, teacher in batches[:3]:
        first.learn(sig, teacher, 0.0)
    first.save(tmp_path / "last.safetensors")
    second = lite.Training(CONFIG, TEACHER_DIM)
    second.resume(tmp_path / "last.safetensors")
    assert second.step == 3
    for sig, teacher in batches[3:]:
        second.learn(sig, teacher, 0.0)
    assert second.step == whole.step
    for key, value in whole.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[key], value)
        torch.testing.assert_close(second.average[key], whole.average[key])


def test_run_keeps_to_its_budget_and_its_journal(crops, tmp_path):
    run = training()
    said: list[str] = []
    lite.run(run, crops, tmp_path / "run", lite.Budget(100, 1.0), say=said.append)
    assert run.step == 100
    assert [line.split()[1] for line in said] == ["50", "100"]
    with open(tmp_path / "run" / "losses.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["50", "100"]
    assert (tmp_path / "run" / "last.safetensors").exists()


def test_an_interrupted_run_keeps_its_last_step(crops, tmp_path, monkeypatch):
    run = training()
    learn = run.learn

    def interrupted(*arguments):
        if run.step == 3:
            raise KeyboardInterrupt
        return learn(*arguments)

    monkeypatch.setattr(run, "learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lite.run(run, crops, tmp_path, lite.Budget(100, 1.0))
    again = lite.Training(CONFIG, TEACHER_DIM)
    again.resume(tmp_path / "last.safetensors")
    assert again.step == 3


def test_what_is_exported_loads_as_a_model(crops, tmp_path):
    run = training()
    lite.run(run, crops, tmp_path / "run", lite.Budget(3, 1.0))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    words = ["--config", str(tmp_path / "config.json"), "export"]
    words += ["--folder", str(tmp_path / "run"), "--to", str(tmp_path / "model")]
    assert command.main(words) == 0
    model = codec.load(tmp_path / "model")
    codes = codec.StreamEncoder(model).step(np.zeros(1280, np.float32))
    assert codec.StreamDecoder(model).step(codes).shape == (1280,)


def test_the_command_line_says_what_is_missing(tmp_path, capsys):
    words = ["prepare", "--speech", str(tmp_path), "--teacher", str(tmp_path / "none.bin")]
    assert command.main(words) == 1
    assert "teacher" in capsys.readouterr().err
    assert command.main(["run", "--cache", str(tmp_path), "--folder", str(tmp_path)]) == 1
    assert "prepare" in capsys.readouterr().err
    assert command.main(["export", "--folder", str(tmp_path)]) == 1
    assert "last.safetensors" in capsys.readouterr().err
