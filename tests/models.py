"""Small codecs with random weights, for tests of everything but what they sound like."""

from __future__ import annotations

from typing import Any

import torch

from codec.model.lite import LiteCodec

SMALL_LITE: dict[str, Any] = {
    "model_type": "undertone-lite",
    "name": "small-lite",
    "bits": 16,
    "window": 640,
    "bands": 20,
    "low_bins": 8,
    "encoder_dim": 16,
    "encoder_hidden": 32,
    "encoder_kernels": [7, 5],
    "encoder_mixers": [1],
    "mixer_hidden": 16,
    "decoder_dim": 16,
    "decoder_hidden": 32,
    "decoder_kernels": [7, 5],
    "decoder_mixers": [0],
    "vocoder_dim": 16,
    "vocoder_hidden": 32,
    "vocoder_kernels": [7],
    "wave_window": 480,
}


def small_codec(seed: int = 0) -> LiteCodec:
    """The bundled model's structure, thousands of times smaller, with random weights."""
    torch.manual_seed(seed)
    return LiteCodec(SMALL_LITE).eval()


def small_nested_codec(seed: int = 0) -> LiteCodec:
    """The same weights as a model of three rates."""
    torch.manual_seed(seed)
    return LiteCodec({**SMALL_LITE, "rates": [11, 12, 16]}).eval()
