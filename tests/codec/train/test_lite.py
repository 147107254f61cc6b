"""The whole training in miniature: prepare, run, stop, resume, export, load."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import codec
from codec.train import __main__ as command
from codec.train import data, lite
from codec.train.data import Speech
from codec.train.losses import WordLoss
from codec.train.run import Budget, run
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
        "rates": {"16": 1.0},
        "teacher_layer": 1,
        "teacher_weight": 0.5,
        "mel_weight": 1.0,
        "stft_weight": 0.5,
        "entropy_weight": 0.1,
        "voice_weight": 0.1,
        "word_weight": 0.1,
        "word_crops": 1,
        "carried_share": 0.0,
        "bf16": False,
    },
    "augmentation": {"noise_share": 0.5},
    "adversarial": {
        "learning_rate": 1e-3,
        "jury_pace": 1.0,
        "word_pull": 1.0,
        "persuasion_pull": 0.6,
        "feature_pull": 1.0,
        "jury_every": 1,
        "crops": 1,
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
    speech = crops.batch(4, 0.96, np.random.default_rng(0))
    first = run.learn(speech, 0.0)
    for _ in range(30):
        last = run.learn(speech, 0.0)
    assert last["mel"] < 0.9 * first["mel"]
    assert last["teacher"] < first["teacher"]


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(crops, tmp_path):
    batches = [crops.batch(2, 0.96, np.random.default_rng(i)) for i in range(6)]
    whole = training()
    for speech in batches:
        whole.learn(speech, 0.0)
    first = training()
    for speech in batches[:3]:
        first.learn(speech, 0.0)
    first.save(tmp_path / "last.safetensors")
    second = lite.Training(CONFIG, TEACHER_DIM)
    second.resume(tmp_path / "last.safetensors")
    assert second.step == 3
    for speech in batches[3:]:
        second.learn(speech, 0.0)
    assert second.step == whole.step
    for key, value in whole.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[key], value)
        torch.testing.assert_close(second.average[key], whole.average[key])


def test_the_words_of_the_output_are_judged(crops, teacher):
    speech = crops.batch(2, 0.96, np.random.default_rng(0))
    deviation = torch.full((TEACHER_DIM,), 2.0)
    torch.manual_seed(0)
    run = lite.Training(CONFIG, TEACHER_DIM, WordLoss(teacher, 1, deviation))
    losses, made = run.losses(speech)
    true = speech.wanted[:1, : made.shape[1]]
    difference = teacher.features(made[:1], 1) - teacher.features(true, 1)
    torch.testing.assert_close(losses["word"], (difference / 2.0).square().mean())
    losses["word"].backward()
    assert run.model.encoder_in.weight.grad.abs().sum() > 0


def test_a_crop_may_be_trained_at_a_lower_rate(crops):
    settings = CONFIG["training"] | {"rates": {"4": 1.0}}
    run = lite.Training(CONFIG | {"training": settings}, TEACHER_DIM)
    losses, _ = run.losses(crops.batch(2, 0.96, np.random.default_rng(0)))
    losses["mel"].backward()
    used = run.model.decompressor_in.weight.grad.abs().sum(0)
    assert (used[:4] > 0).all()
    assert (used[4:] == 0).all()


def test_the_bits_are_put_in_the_order_of_what_they_tell(crops):
    run = training()
    with torch.no_grad():
        run.model.decompressor_in.weight[:, 3] *= 100.0
        run.model.decompressor_in.weight[:, [0, 9]] = 0.0
    heard = crops.batch(2, 0.96, np.random.default_rng(0)).heard
    with torch.no_grad():
        qfeats, _ = run.model.dequantize(run.model.encode(heard)[0])
        before, _ = run.model.vocode(qfeats)
        # What the model itself makes with all its bits is what it is to make with one less.
        late = torch.nn.functional.pad(before[:, 320:], (0, 320))
        run.order_bits(Speech(heard, late, run.heads.teacher(qfeats)))
        after, _ = run.model.decode(run.model.encode(heard)[0])
    torch.testing.assert_close(after, before)
    sizes = run.model.decompressor_in.weight.abs().sum(0)
    assert sizes.argmax() == 0
    assert (sizes == 0).nonzero()[:, 0].tolist() == [14, 15]


def test_a_batch_may_begin_with_what_others_left(crops):
    settings = CONFIG["training"] | {"carried_share": 1.0}
    run = lite.Training(CONFIG | {"training": settings}, TEACHER_DIM)
    one, other = (crops.batch(2, 0.96, np.random.default_rng(i)) for i in range(2))
    _, fresh = run.losses(other)
    run.losses(one)
    _, carried = run.losses(other)
    assert not torch.allclose(carried, fresh)
    _, again = run.losses(crops.batch(1, 0.96, np.random.default_rng(2)))
    assert len(again) == 1


def test_what_is_exported_loads_as_a_model(crops, tmp_path):
    stage = training()
    run(stage, lambda random: crops.batch(2, 0.96, random), tmp_path / "run", Budget(3, 1.0))
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
