"""The two commands, from words on a command line to a model folder."""

from __future__ import annotations

import argparse
import json

import pytest
from safetensors.torch import save_file

import codec
from codec.errors import CodecError
from codec.train.paper import command
from codec.train.paper.config import ORDER
from tests.codec.train.paper.test_wavlm import KIND, published_names


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers(required=True))
    arguments = parser.parse_args([str(word) for word in words])
    return arguments.act(arguments)


@pytest.fixture
def folders(wavlm_teacher, given, tmp_path):
    """A recipe and a teacher as files."""
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher" / "config.json").write_text(json.dumps(KIND))
    weights = wavlm_teacher.weights.state_dict()
    names = published_names(
        weights, "parametrizations.weight.original0 parametrizations.weight.original1"
    )
    save_file(names, tmp_path / "teacher" / "model.safetensors", {"format": "pt"})
    given["stages"]["decoder"]["steps"] = 2
    for name in ORDER[1:]:
        given["stages"][name]["steps"] = 1
    (tmp_path / "recipe.json").write_text(json.dumps(given))
    return tmp_path


def test_from_the_teacher_to_a_model(folders, sounds, capsys):
    common = ["--recipe", folders / "recipe.json", "--folder", folders / "runs"]
    inputs = ["--speech", sounds, "--teacher", folders / "teacher", "--device", "cpu"]
    # One step of two: the first stage is not done, so no other begins.
    assert run("paper", "--stage", "all", *common, *inputs, "--steps", 1) == 0
    assert not (folders / "runs" / "positional").exists()
    assert run("paper", "--stage", "all", *common, *inputs) == 0
    said = capsys.readouterr().out
    assert "Stage decoder, step 1 of 2." in said
    assert "Stage joint, step 0 of 1." in said
    assert run("paper-export", *common, "--to", folders / "model") == 0
    model = codec.load(folders / "model")
    assert model.spec.name == "focalcodec-2k"
    assert json.loads((folders / "model" / "config.json").read_text())["delay_samples"] == 480


def test_what_is_missing_is_said(folders, sounds):
    common = ["--recipe", folders / "recipe.json", "--folder", folders / "runs"]
    with pytest.raises(CodecError, match="teacher"):
        run("paper", "--stage", "decoder", *common, "--speech", sounds, "--teacher", folders)
    with pytest.raises(CodecError, match=r"last\.safetensors"):
        run("paper-export", *common, "--to", folders / "model")
