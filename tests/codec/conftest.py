"""Small models for the codec's tests: FocalCodec's structure at a hundredth of its size."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from codec.model.codec import Codec
from codec.model.focalcodec import FocalCodec
from tests.models import small_codec

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"

SMALL: dict[str, Any] = {
    "encoder_name": "WavLM",
    "encoder_config": {
        "hidden_dims": [8] * 7,
        "num_layers": 2,
        "dim": 16,
        "ffn_dim": 24,
        "num_heads": 2,
        "conv_pos": 8,
        "conv_pos_groups": 2,
        "window_size": 16,
        "causal": True,
    },
    "compressor_config": {
        "input_dim": 16,
        "hidden_dims": [16, 16],
        "downscale_factors": [1, 1],
        "focal_window": 3,
        "window_size": 12,
        "causal": True,
    },
    "quantizer_config": {"codebook_size": 2048},
    "decompressor_config": {
        "output_dim": 16,
        "hidden_dims": [16, 16],
        "upscale_factors": [1, 1],
        "focal_window": 3,
        "window_size": 12,
        "last_window_size": 8,
        "causal": True,
    },
    "decoder_config": {"input_dim": 16, "num_layers": 2, "dim": 16, "ffn_dim": 24, "causal": True},
}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference vectors; skips where it is not there."""
    if not REFERENCE.is_dir():
        pytest.skip("reference vectors not found: no ../shared/reference beside the repository")
    return REFERENCE


@pytest.fixture
def small_config() -> dict[str, Any]:
    """The small model's config, to be changed at will."""
    return copy.deepcopy(SMALL)


@pytest.fixture(scope="session")
def small() -> FocalCodec:
    """A random FocalCodec whose outputs depend on the whole of its window."""
    torch.manual_seed(7)
    model = FocalCodec(SMALL).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.mul_(1.5)
    return model


@pytest.fixture(scope="session", params=["focalcodec", "lite"])
def either(request: pytest.FixtureRequest, small: FocalCodec) -> Codec:
    """Both architectures in turn, small and random: for what every codec must do."""
    return small if request.param == "focalcodec" else small_codec().requires_grad_(False)


@pytest.fixture(scope="session")
def small_folder(small: FocalCodec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as files."""
    folder = tmp_path_factory.mktemp("small-model")
    (folder / "config.json").write_text(json.dumps(SMALL))
    save_file(small.state_dict(), folder / "model.safetensors")
    return folder


@pytest.fixture
def speech() -> np.ndarray:
    """Two seconds of something loud and soft, float32 at 16 kHz."""
    rng = np.random.default_rng(3)
    t = np.arange(32_000) / 16_000
    voice = np.sin(2 * np.pi * 140 * t) + 0.5 * np.sin(2 * np.pi * 420 * t)
    noise = 0.1 * rng.standard_normal(len(t))
    return (0.2 * (voice + noise) * (1 + np.sin(2 * np.pi * 3 * t)) / 2).astype(np.float32)
