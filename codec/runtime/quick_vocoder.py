"""Features -> wave, a chunk of each stream at a time: what `codec.model.vocoder` computes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from codec.model.config import DecoderConfig
from codec.model.vocoder import NORM_EPS
from codec.runtime.parts import Depthwise, Norm, Parts, linear, silent, taps_first, windows
from codec.runtime.quick_focal import Memories
from codec.runtime.rings import Memory
from codec.spec import CHUNK_CODES


class ConvNeXtBlock:
    def __init__(self, parts: Parts, name: str) -> None:
        self._depthwise = Depthwise(parts, f"{name}.dwconv", replicate=False)
        self._norm = Norm(parts, f"{name}.norm", NORM_EPS)
        self._wide = linear(parts, f"{name}.pwconv1")
        # The scale of the block's output is the last product's to bring.
        gamma, weight = parts.tensor(f"{name}.gamma"), f"{name}.pwconv2.weight"
        bias = parts.tensor(f"{name}.pwconv2.bias") * gamma
        self._back = parts.product(weight, lambda fetch: fetch(weight) * gamma[:, None], bias)

    def __call__(self, x: Tensor, memories: Memories) -> Tensor:
        """(4·streams, dim) -> the same."""
        return x + self._back(F.gelu(self._wide(self._norm(self._depthwise(x, memories)))))


class QuickVocoder:
    """(4·streams, dim) features -> (streams, 4·hop) samples within ±1."""

    def __init__(self, parts: Parts, config: DecoderConfig) -> None:
        inner = "decoder.backbone"
        weight = f"{inner}.embedding.weight"
        self._embedding = parts.product(
            weight,
            lambda fetch: taps_first(fetch(weight)),
            parts.tensor(f"{inner}.embedding.bias"),
        )
        self._kernel = config.kernel_size
        self._input_norm = Norm(parts, f"{inner}.input_norm", NORM_EPS)
        self._blocks = [
            ConvNeXtBlock(parts, f"{inner}.layers.{i}") for i in range(config.num_layers)
        ]
        self._output_norm = Norm(parts, f"{inner}.output_norm", NORM_EPS)
        self._head = linear(parts, "decoder.head.proj")

    def __call__(self, x: Tensor, memories: Memories) -> Tensor:
        pairs = zip(x.split(CHUNK_CODES), memories, strict=True)
        seen = torch.cat([self._seen(chunk, memory) for chunk, memory in pairs])
        x = self._input_norm(self._embedding(seen))
        for block in self._blocks:
            x = block(x, memories)
        wave = self._head(self._output_norm(x)).view(len(memories), -1)
        return wave.clamp_(-1.0, 1.0)

    def _seen(self, x: Tensor, memory: Memory) -> Tensor:
        """(4, dim) -> (4, kernel·dim)."""
        seen = memory.append(self, x, 0, silent(x, self._kernel - 1))
        return windows(seen, len(x), self._kernel)
