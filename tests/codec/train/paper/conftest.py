"""A hundredth of the recipe, a teacher of random weights, and noise at 24 kHz to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from codec.model.config import FocalCodecConfig
from codec.train.paper.config import Recipe
from codec.train.wavlm import WavLM

TINY = json.loads((Path(__file__).parent / "tiny.json").read_text())


@pytest.fixture
def given() -> dict[str, Any]:
    """The tiny recipe, to be changed at will."""
    return json.loads(json.dumps(TINY))


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe.from_dict(TINY)


@pytest.fixture(scope="session")
def wavlm_teacher(recipe: Recipe) -> WavLM:
    """Random weights, large enough that every frame depends on all others."""
    torch.manual_seed(3)
    teacher = WavLM(FocalCodecConfig.from_dict(recipe.model).encoder).eval()
    teacher.requires_grad_(False)
    for parameter in teacher.parameters():
        parameter.mul_(1.5)
    return teacher


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sound files without an index: three at 24 kHz, one too short for a crop."""
    folder = tmp_path_factory.mktemp("sounds")
    random = np.random.default_rng(0)
    for number, seconds in enumerate((0.9, 0.1, 0.7, 1.2)):
        speaker = folder / f"speaker-{number % 2}"
        speaker.mkdir(exist_ok=True)
        t = np.arange(round(24_000 * seconds)) / 24_000
        voice = np.sin(2 * np.pi * (100 + 40 * number) * t) * (1 + np.sin(2 * np.pi * 4 * t))
        noise = 0.1 * random.standard_normal(len(t))
        soundfile.write(speaker / f"{number}.wav", 0.1 * (voice + noise), 24_000)
    return folder
