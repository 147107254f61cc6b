"""A corpus of noise and a teacher of random weights, both tiny."""

from __future__ import annotations

import csv
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from codec.train.teacher import WhisperEncoder

TEACHER_DIM = 16


def teacher_tensors(layers: int = 2) -> dict[str, Tensor]:
    """Tensors of a Whisper encoder with 16 channels."""
    torch.manual_seed(0)
    dim = TEACHER_DIM

    def norm(name: str) -> dict[str, Tensor]:
        return {name + "gamma": torch.ones(dim), name + "beta": torch.zeros(dim)}

    def linear(name: str, out: int, into: int) -> dict[str, Tensor]:
        return {name + "weight": torch.randn(out, into) * 0.1, name + "bias": torch.zeros(out)}

    tensors = {
        "conv1/weight": torch.randn(dim, 80, 3) * 0.1,
        "conv1/bias": torch.zeros(dim),
        "conv2/weight": torch.randn(dim, dim, 3) * 0.1,
        "conv2/bias": torch.zeros(dim),
        "position_encodings/encodings": torch.randn(1500, dim) * 0.1,
    }
    for i in range(layers):
        layer = f"layer_{i}/"
        tensors |= norm(layer + "self_attention/layer_norm/") | norm(layer + "ffn/layer_norm/")
        tensors |= linear(layer + "self_attention/linear_0/", 3 * dim, dim)
        tensors |= linear(layer + "self_attention/linear_1/", dim, dim)
        tensors |= linear(layer + "ffn/linear_0/", 4 * dim, dim)
        tensors |= linear(layer + "ffn/linear_1/", dim, 4 * dim)
    return {"encoder/" + name: tensor for name, tensor in tensors.items()}


def ctranslate2(tensors: dict[str, Tensor]) -> bytes:
    """The bytes of a CTranslate2 model file that holds these tensors in float32."""

    def name(text: str) -> bytes:
        raw = text.encode() + b"\0"
        return struct.pack("<H", len(raw)) + raw

    parts = [struct.pack("<I", 6), name("WhisperSpec"), struct.pack("<II", 3, len(tensors))]
    for key, tensor in tensors.items():
        data = tensor.numpy().astype(np.float32).tobytes()
        parts += [name(key), struct.pack("<B", tensor.ndim)]
        parts += [struct.pack("<I", size) for size in tensor.shape]
        parts += [struct.pack("<BI", 0, len(data)), data]
    return b"".join(parts)


@pytest.fixture
def teacher() -> WhisperEncoder:
    return WhisperEncoder(teacher_tensors())


@pytest.fixture
def speech(tmp_path) -> Path:
    """A folder as `prepare` wants it: two files, five utterances, one of them too short."""
    folder = tmp_path / "speech"
    (folder / "train").mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    for number, lengths in enumerate([(1.5, 0.4, 2.0), (1.2, 1.7)]):
        start, waves = 0.0, []
        for seconds in lengths:
            rows.append((f"train/{number}.wav", f"{start:.3f}", f"{seconds:.3f}", "s", "en", "c"))
            waves.append(0.2 * random.standard_normal(round(seconds * 16_000)))
            waves.append(np.zeros(1600))
            start += seconds + 0.1
        soundfile.write(folder / "train" / f"{number}.wav", np.concatenate(waves), 16_000)
    with open(folder / "index.tsv", "w", newline="") as table:
        writer = csv.writer(table, delimiter="\t")
        writer.writerow(["file", "start_s", "seconds", "speaker", "language", "corpus"])
        writer.writerows(rows)
    return folder
