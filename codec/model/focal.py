"""Features <-> latents: the focal modulation blocks, compressor and decompressor.

Sources: focal modulation (arXiv 2203.11926), FocalCodec (arXiv 2502.04465) and its streaming form
(arXiv 2509.16195), dynamic tanh in place of norms (arXiv 2503.10622), Snake (arXiv 2006.08195).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codec.model.causal import CausalConv1d
from codec.model.config import CompressorConfig, DecompressorConfig
from codec.model.feed_forward import FeedForward
from codec.spec import CHUNK_CODES


class FocalState(NamedTuple):
    """The past of each context level of one focal block."""

    levels: tuple[Tensor, ...]


class FocalStackState(NamedTuple):
    """The past of each stage of a compressor or decompressor."""

    stages: tuple[FocalState, ...]


class DyT(nn.Module):
    """tanh(α·x) with one learnt α, in place of a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.full((1,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.alpha * x)


class Snake(nn.Module):
    """x + sin²(αx)/α, α learnt for each channel."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        alpha = self.alpha.squeeze(1)
        return x + (alpha * x).sin().square() / (alpha + 1e-9)


class ContextLevel(nn.Sequential):
    """A depthwise causal convolution and GELU, in a list of one for the checkpoint's names."""

    def __init__(self, dim: int, kernel_size: int) -> None:
        super().__init__(CausalConv1d(dim, dim, kernel_size, groups=dim))

    def forward(  # type: ignore[override]
        self, x: Tensor, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        x, state = self[0](x, state)
        return F.gelu(x), state


class FocalModulation(nn.Module):
    """Each frame's query is scaled by a gated sum of ever wider contexts of the past."""

    def __init__(self, dim: int, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.dim = dim
        self.in_proj = nn.Linear(dim, 2 * dim + len(kernel_sizes))
        self.layers = nn.ModuleList(ContextLevel(dim, kernel) for kernel in kernel_sizes)
        self.context_proj = nn.Conv1d(dim, dim, 1)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, state: FocalState | None) -> tuple[Tensor, FocalState]:
        levels = len(self.layers)
        query, context, gates = self.in_proj(x).split([self.dim, self.dim, levels], dim=-1)
        modulator = torch.zeros_like(query)
        new_levels = []
        for i, layer in enumerate(self.layers):
            context, past = layer(context, state.levels[i] if state is not None else None)
            modulator = modulator + context * gates[..., i : i + 1]
            new_levels.append(past)
        modulator = self.context_proj(modulator.transpose(1, 2)).transpose(1, 2)
        return self.out_proj(query * modulator), FocalState(tuple(new_levels))


class FocalBlock(nn.Module):
    def __init__(self, dim: int, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.modulation_norm = DyT()
        self.modulation = FocalModulation(dim, kernel_sizes)
        self.feed_forward_norm = DyT()
        self.feed_forward = FeedForward(dim, 4 * dim)

    def forward(self, x: Tensor, state: FocalState | None) -> tuple[Tensor, FocalState]:
        y, state = self.modulation(self.modulation_norm(x), state)
        x = x + y
        return x + self.feed_forward(self.feed_forward_norm(x)), state


class Downscale(nn.Module):
    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.downscale = nn.Conv1d(in_dim, out_dim, 1)
        self.activation = Snake(out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.downscale(x.transpose(1, 2)).transpose(1, 2))


class Upscale(nn.Module):
    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.activation = Snake(in_dim)
        self.upscale = nn.ConvTranspose1d(in_dim, out_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.upscale(self.activation(x).transpose(1, 2)).transpose(1, 2)


class CompressorStage(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.downscale = Downscale(in_dim, out_dim)
        self.focal_block = FocalBlock(out_dim, kernel_sizes)

    def forward(self, x: Tensor, state: FocalState | None) -> tuple[Tensor, FocalState]:
        return self.focal_block(self.downscale(x), state)


class DecompressorStage(nn.Module):
    def __init__(self, in_dim: int, out_dim: int, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.focal_block = FocalBlock(in_dim, kernel_sizes)
        self.upscale = Upscale(in_dim, out_dim)

    def forward(self, x: Tensor, state: FocalState | None) -> tuple[Tensor, FocalState]:
        x, state = self.focal_block(x, state)
        return self.upscale(x), state


class Refiner(nn.Module):
    """Looks at the four frames of a chunk at once and corrects them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(CHUNK_CODES * dim, CHUNK_CODES * dim)
        self.out_proj = nn.Linear(CHUNK_CODES * dim, CHUNK_CODES * dim)

    def forward(self, x: Tensor) -> Tensor:
        chunks = x.reshape(x.shape[0], x.shape[1] // CHUNK_CODES, CHUNK_CODES * x.shape[2])
        return x + self.out_proj(F.gelu(self.in_proj(chunks))).view(x.shape)


class Compressor(nn.Module):
    """(batch, T, dim) features -> (batch, T, bits) latents."""

    def __init__(self, config: CompressorConfig) -> None:
        super().__init__()
        dims = (config.input_dim, *config.hidden_dims)
        kernels = focal_kernels(config, config.window_size)
        self.layers = nn.ModuleList(
            CompressorStage(in_dim, out_dim, kernels) for in_dim, out_dim in pairwise(dims)
        )
        self.out_proj = nn.Linear(dims[-1], config.output_dim)

    def forward(self, x: Tensor, state: FocalStackState | None) -> tuple[Tensor, FocalStackState]:
        x, state = run_stages(self.layers, x, state)
        return self.out_proj(x), state


class Decompressor(nn.Module):
    """(batch, T, bits) codes on the unit sphere -> (batch, T, dim) features, T whole chunks."""

    def __init__(self, config: DecompressorConfig) -> None:
        super().__init__()
        dims = (*config.hidden_dims, config.output_dim)
        windows = [config.window_size] * (len(dims) - 2) + [config.last_window_size]
        self.in_proj = nn.Linear(config.input_dim, dims[0])
        self.layers = nn.ModuleList(
            DecompressorStage(in_dim, out_dim, focal_kernels(config, window))
            for (in_dim, out_dim), window in zip(pairwise(dims), windows, strict=True)
        )
        self.refiner = Refiner(config.output_dim)

    def forward(self, x: Tensor, state: FocalStackState | None) -> tuple[Tensor, FocalStackState]:
        x, state = run_stages(self.layers, self.in_proj(x), state)
        return self.refiner(x), state


def focal_kernels(config: CompressorConfig | DecompressorConfig, window: int) -> tuple[int, ...]:
    """Kernel of each context level: the local ones, then the window that stands for all time."""
    local = (config.focal_window + config.focal_factor * i for i in range(config.focal_level))
    return (*local, window)


def run_stages(
    stages: nn.ModuleList, x: Tensor, state: FocalStackState | None
) -> tuple[Tensor, FocalStackState]:
    """Pass `x` through the stages, each with its own past."""
    new_states = []
    for i, stage in enumerate(stages):
        x, stage_state = stage(x, state.stages[i] if state is not None else None)
        new_states.append(stage_state)
    return x, FocalStackState(tuple(new_states))
