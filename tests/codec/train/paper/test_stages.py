"""The five stages in miniature: each learns, stops and goes on, and hands over to the next."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import codec
from codec.errors import CodecError
from codec.train.paper import command
from codec.train.paper.config import ORDER, Recipe, RecipeInvalid
from codec.train.paper.speech import Batch, Speech
from codec.train.paper.stage import CHECKPOINT, PaperStage, StageMissing
from codec.train.run import Budget

FALLS = {
    "decoder": "mel",
    "positional": "positional",
    "encoder": "layers",
    "quantizer": "features",
    "joint": "features",
}
LEARNS = {
    "decoder": ("decoder.",),
    "positional": ("encoder.encoder.positional_embedding.",),
    "encoder": ("encoder.",),
    "quantizer": ("compressor.", "decompressor.in_proj.", "decompressor.layers."),
    "joint": ("encoder.", "compressor.", "decompressor."),
}


@pytest.fixture(scope="module")
def batch(recipe, sounds) -> Batch:
    speech = Speech(sounds, recipe.speech, 2, 24_000)
    yield speech.batch(0)
    speech.close()


def fresh(name: str, recipe: Recipe, teacher) -> PaperStage:
    """The stage with all that comes before it as it is at the very beginning."""
    torch.manual_seed(0)
    stage = command.STAGES[name](recipe, teacher)
    stage.begin_anew()
    return stage


@pytest.mark.parametrize("name", ORDER)
def test_the_loss_falls_and_only_its_part_learns(name, recipe, wavlm_teacher, batch):
    stage = fresh(name, recipe, wavlm_teacher)
    before = {key: value.clone() for key, value in stage.codec.state_dict().items()}
    losses = [stage.learn(batch, 0.0) for _ in range(5)]
    assert losses[-1][FALLS[name]] < 0.98 * losses[0][FALLS[name]]
    assert all(np.isfinite(value) for row in losses for value in row.values())
    after = stage.codec.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved
    assert all(key.startswith(LEARNS[name]) for key in moved)
    assert all(any(key.startswith(part) for key in moved) for part in LEARNS[name])
    refined = any("refiner" in key for key in moved)
    assert refined == (name == "joint")


@pytest.mark.parametrize("name", ORDER)
def test_a_stage_goes_on_bit_for_bit_and_the_next_begins_from_it(
    name, given, wavlm_teacher, sounds, tmp_path
):
    recipe = Recipe.from_dict(given)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    for folder, runs in ((whole, [3]), (halves, [1, 2])):
        torch.manual_seed(0)
        first = fresh("decoder", recipe, wavlm_teacher)
        for before in ORDER[: ORDER.index(name)]:
            (folder / before).mkdir(parents=True)
            first.save(folder / before / CHECKPOINT)
        for seed, steps in enumerate(runs):
            torch.manual_seed(seed)
            command.train(name, recipe, wavlm_teacher, sounds, folder, Budget(steps, 1.0))
    one = codec.safetensors_file.read_tensors(whole / name / CHECKPOINT)
    other = codec.safetensors_file.read_tensors(halves / name / CHECKPOINT)
    assert one.keys() == other.keys()
    assert one["step"] == 3
    assert [key for key in one if not torch.equal(one[key], other[key])] == []


def test_all_five_stages_make_a_model_that_codes_speech(
    recipe, wavlm_teacher, sounds, tmp_path, capsys
):
    runs = tmp_path / "runs"
    for name in ORDER:
        stage = command.train(name, recipe, wavlm_teacher, sounds, runs, Budget(9, 1.0))
        assert stage.step == recipe.stages[name].steps
        assert (runs / name / CHECKPOINT).exists()
    command.export(runs / "joint", recipe, tmp_path / "model")
    model = codec.load(tmp_path / "model")
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, stage.average[key])
    encoder, decoder = codec.StreamEncoder(model), codec.StreamDecoder(model)
    speech = np.random.default_rng(0).uniform(-0.1, 0.1, 16_640).astype(np.float32)
    heard = [decoder.step(encoder.step(chunk)) for chunk in speech.reshape(-1, 1280)]
    assert np.concatenate(heard).shape == (24_960,)
    assert np.isfinite(heard).all()
    said = capsys.readouterr().out
    assert "joint, step 0 of 3" in said
    command.train("joint", recipe, wavlm_teacher, sounds, runs, Budget(9, 1.0))
    assert "joint, step 3 of 3" in capsys.readouterr().out  # and no step more
    again = command.STAGES["quantizer"](recipe, wavlm_teacher)
    again.begin_from(tmp_path / "model")
    for key, value in model.state_dict().items():
        assert torch.equal(again.codec.state_dict()[key], value)


def test_a_stage_without_the_one_before_says_so(recipe, wavlm_teacher, tmp_path):
    stage = command.STAGES["encoder"](recipe, wavlm_teacher)
    with pytest.raises(StageMissing, match="--stage positional"):
        stage.begin(tmp_path)


def test_a_model_of_other_sizes_is_refused(recipe, given, wavlm_teacher, tmp_path):
    given["model"]["quantizer_config"]["codebook_size"] = 4096
    other = fresh("decoder", Recipe.from_dict(given), wavlm_teacher)
    other.save(tmp_path / CHECKPOINT)
    with pytest.raises(CodecError, match="compressor"):
        fresh("joint", recipe, wavlm_teacher).begin_from(tmp_path)


def test_every_layer_needs_its_weight(given, wavlm_teacher):
    given["stages"]["encoder"]["weights"]["layers"] = [1.0]
    with pytest.raises(RecipeInvalid, match="2 weights"):
        command.STAGES["encoder"](Recipe.from_dict(given), wavlm_teacher)


@pytest.mark.parametrize("name", ORDER)
def test_it_learns_in_bfloat16_too(name, given, wavlm_teacher, batch):
    given["bf16"]["cpu"] = True
    stage = fresh(name, Recipe.from_dict(given), wavlm_teacher)
    losses = stage.learn(batch, 0.0)
    plain = fresh(name, Recipe.from_dict(given | {"bf16": {}}), wavlm_teacher).learn(batch, 0.0)
    assert losses[FALLS[name]] == pytest.approx(plain[FALLS[name]], rel=0.05)
    assert all(parameter.dtype == torch.float32 for parameter in stage.codec.parameters())


def test_the_wave_lags_the_features_by_the_delay(given, wavlm_teacher, batch):
    given["delay_frames"] = 3
    stage = fresh("decoder", Recipe.from_dict(given), wavlm_teacher)
    assert stage.delay == 3 * 480
    heard = []
    forward = stage.mel.forward
    stage.mel.forward = lambda made, true: heard.append((made, true)) or forward(made, true)
    with torch.no_grad():
        late, _ = stage.codec.decoder(stage.taught(batch)[-1], None)
    stage.learn(batch, 0.0)
    ((made, true),) = heard
    torch.testing.assert_close(made, late[:, 1440:])
    assert torch.equal(true, batch.wanted[:, : batch.wanted.shape[1] - 1440])
