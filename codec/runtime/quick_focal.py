"""Features <-> latents, a chunk of each stream at a time: what `codec.model.focal` computes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from codec.model.config import CompressorConfig, DecompressorConfig
from codec.runtime.parts import Depthwise, Fetch, Parts, exact_linear, linear
from codec.runtime.rings import Memory
from codec.spec import CHUNK_CODES

Memories = Sequence[Memory]


class Snake:
    """x + sin²(αx)/α."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._alpha = parts.tensor(f"{name}.alpha").flatten()
        self._inverse = 1.0 / (self._alpha + 1e-9)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addcmul(x, (self._alpha * x).sin_().square_(), self._inverse)


class FocalBlock:
    def __init__(self, parts: Parts, name: str, levels: int) -> None:
        modulation = f"{name}.modulation"
        self._in, self._out = (
            linear(parts, f"{modulation}.in_proj"),
            linear(parts, f"{modulation}.out_proj"),
        )
        self._context = linear(parts, f"{modulation}.context_proj")
        self._levels = [
            Depthwise(parts, f"{modulation}.layers.{i}.0", replicate=True) for i in range(levels)
        ]
        self._alpha = float(parts.tensor(f"{name}.modulation_norm.alpha"))
        self._wide = linear(parts, f"{name}.feed_forward.in_proj")
        self._back = linear(parts, f"{name}.feed_forward.out_proj")
        self._wide_alpha = float(parts.tensor(f"{name}.feed_forward_norm.alpha"))

    def __call__(self, x: Tensor, memories: Memories) -> Tensor:
        """(4·streams, dim) -> the same."""
        x = x + self._modulated((x * self._alpha).tanh_(), memories)
        return x + self._back(F.gelu(self._wide((x * self._wide_alpha).tanh_())))

    def _modulated(self, x: Tensor, memories: Memories) -> Tensor:
        dim = x.shape[1]
        query, context, gates = self._in(x).split([dim, dim, len(self._levels)], dim=1)
        modulator = torch.zeros_like(x)
        for i, level in enumerate(self._levels):
            context = F.gelu(level(context, memories))
            modulator.addcmul_(context, gates[:, i : i + 1])
        return self._out(self._context(modulator).mul_(query))


class QuickCompressor:
    """(4·streams, dim) features -> (4·streams, bits) latents."""

    def __init__(self, parts: Parts, config: CompressorConfig) -> None:
        names = [f"compressor.layers.{i}" for i in range(len(config.hidden_dims))]
        self._stages = [
            (
                linear(parts, f"{name}.downscale.downscale"),
                Snake(parts, f"{name}.downscale.activation"),
                FocalBlock(parts, f"{name}.focal_block", config.focal_level + 1),
            )
            for name in names
        ]
        self._out = exact_linear(parts, "compressor.out_proj")

    def __call__(self, x: Tensor, memories: Memories) -> Tensor:
        for downscale, snake, block in self._stages:
            x = block(snake(downscale(x)), memories)
        return self._out(x)


class QuickDecompressor:
    """(4·streams, bits) codes on the unit sphere -> (4·streams, dim) features."""

    def __init__(self, parts: Parts, config: DecompressorConfig) -> None:
        self._in = exact_linear(parts, "decompressor.in_proj")
        names = [f"decompressor.layers.{i}" for i in range(len(config.hidden_dims))]
        self._stages = []
        for name in names:
            upscale = parts.product(
                f"{name}.upscale.upscale.weight",
                partial(_transposed, f"{name}.upscale.upscale.weight"),
                parts.tensor(f"{name}.upscale.upscale.bias"),
            )
            block = FocalBlock(parts, f"{name}.focal_block", config.focal_level + 1)
            self._stages.append((block, Snake(parts, f"{name}.upscale.activation"), upscale))
        self._refine_in = linear(parts, "decompressor.refiner.in_proj")
        self._refine_out = linear(parts, "decompressor.refiner.out_proj")

    def __call__(self, x: Tensor, memories: Memories) -> Tensor:
        x = self._in(x)
        for block, snake, upscale in self._stages:
            x = upscale(snake(block(x, memories)))
        chunks = x.view(len(x) // CHUNK_CODES, -1)
        return x + self._refine_out(F.gelu(self._refine_in(chunks))).view(x.shape)


def _transposed(weight: str, fetch: Fetch) -> Tensor:
    """A transposed convolution's (in, out, 1) as a matrix (out, in)."""
    return fetch(weight)[:, :, 0].t().contiguous()
