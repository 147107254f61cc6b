"""Features -> wave: a causal WaveNeXt.

Sources: WaveNeXt (Okamoto et al., ASRU 2023), whose head gives each frame's samples by one linear
layer; ConvNeXt blocks as in Vocos (arXiv 2306.00814).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codec.model.causal import CausalConv1d
from codec.model.config import DecoderConfig

NORM_EPS = 1e-6


class VocoderState(NamedTuple):
    """The past of the first convolution and of each block's."""

    embedding: Tensor
    layers: tuple[Tensor, ...]


class ConvNeXtBlock(nn.Module):
    def __init__(self, dim: int, ffn_dim: int, kernel_size: int) -> None:
        super().__init__()
        self.dwconv = CausalConv1d(dim, dim, kernel_size, groups=dim, past="zeros")
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.pwconv1 = nn.Linear(dim, ffn_dim)
        self.pwconv2 = nn.Linear(ffn_dim, dim)
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        y, state = self.dwconv(x, state)
        return x + self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(y)))), state


class Backbone(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.embedding = CausalConv1d(
            config.input_dim, config.dim, config.kernel_size, past="zeros"
        )
        self.input_norm = nn.LayerNorm(config.dim, eps=NORM_EPS)
        self.layers = nn.ModuleList(
            ConvNeXtBlock(config.dim, config.ffn_dim, config.kernel_size)
            for _ in range(config.num_layers)
        )
        self.output_norm = nn.LayerNorm(config.dim, eps=NORM_EPS)

    def forward(self, x: Tensor, state: VocoderState | None) -> tuple[Tensor, VocoderState]:
        x, embedding = self.embedding(x, state.embedding if state is not None else None)
        x = self.input_norm(x)
        new_layers = []
        for i, layer in enumerate(self.layers):
            x, past = layer(x, state.layers[i] if state is not None else None)
            new_layers.append(past)
        return self.output_norm(x), VocoderState(embedding, tuple(new_layers))


class WaveHead(nn.Module):
    def __init__(self, dim: int, hop_length: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, hop_length)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(1).clamp(-1.0, 1.0)


class WaveNeXt(nn.Module):
    """(batch, T, dim) features -> (batch, T·hop) samples within ±1."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config)
        self.head = WaveHead(config.dim, config.hop_length)

    def forward(self, x: Tensor, state: VocoderState | None) -> tuple[Tensor, VocoderState]:
        x, state = self.backbone(x, state)
        return self.head(x), state
