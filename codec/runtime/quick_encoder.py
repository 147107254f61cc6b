"""Speech -> features, a chunk of one stream at a time: what `codec.model.encoder` computes."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from codec.model.config import EncoderConfig
from codec.model.encoder import relative_buckets
from codec.runtime.parts import Fetch, Norm, Parts, linear, replicated, taps_first, windows
from codec.runtime.products import PlainProduct
from codec.runtime.rings import Memory
from codec.spec import CHUNK_CODES

FIRST_CONV = "encoder.feature_extractor.layers.0.conv.weight"


class ConvBlock:
    """Strided causal convolution as one matrix product, LayerNorm, GELU."""

    def __init__(self, parts: Parts, name: str, kernel: int, stride: int) -> None:
        weight = f"{name}.conv.weight"
        # The first sees bare samples: 10 weights a channel, too few to be worth packing.
        self._product = (
            PlainProduct(taps_first(parts.tensor(weight)), None)
            if weight == FIRST_CONV
            else parts.product(weight, lambda fetch: taps_first(fetch(weight)), None)
        )
        self._norm = Norm(parts, f"{name}.norm")
        self._kernel, self._stride = kernel, stride

    def __call__(self, x: Tensor, memory: Memory) -> Tensor:
        """(stride·n, in) -> (n, out)."""
        past = self._kernel - 1
        frames = len(x) // self._stride
        # These pasts are a frame or two before a hundred: to slide would bring nothing.
        seen = torch.cat([memory.recall(self, replicated(x, past)), x])
        memory.keep(self, seen[len(x) :])
        return F.gelu(self._norm(self._product(windows(seen, frames, self._kernel, self._stride))))


class PositionalEmbedding:
    """The wide grouped convolution, a product for each group."""

    def __init__(self, parts: Parts, name: str, groups: int, kernel: int) -> None:
        self._bias = parts.tensor(f"{name}.conv.bias")
        self._groups, self._kernel = groups, kernel
        self._products = [
            parts.product(
                f"{name}.conv.{group}",
                partial(_of_group, f"{name}.conv.weight", group, groups),
                None,
            )
            for group in range(groups)
        ]

    def __call__(self, x: Tensor, memory: Memory) -> Tensor:
        """(4, dim) -> the same."""
        frames, past = len(x), self._kernel - 1
        by_group = x.view(frames, self._groups, -1).transpose(0, 1)
        seen = memory.append(self, by_group, 1, lambda: by_group[:, :1].expand(-1, past, -1))
        y = [
            product(windows(group, frames, self._kernel))
            for product, group in zip(self._products, seen, strict=True)
        ]
        return x + F.gelu(torch.cat(y, dim=1).add_(self._bias))


def _of_group(weight: str, group: int, groups: int, fetch: Fetch) -> Tensor:
    return taps_first(fetch(weight).chunk(groups)[group])


class Attention:
    """Of a chunk's 4 frames to themselves and to the window's past, all seen by all four."""

    def __init__(self, parts: Parts, name: str, config: EncoderConfig) -> None:
        self._qkv, self._out = linear(parts, f"{name}.qkv_proj"), linear(parts, f"{name}.out_proj")
        self._heads, self._past = config.num_heads, config.window_size - CHUNK_CODES
        self._keys, self._values = object(), object()
        # Of the gate's 8 outputs only the sums of four and four are used.
        weight = parts.tensor(f"{name}.gru_rel_pos_linear.weight")
        bias = parts.tensor(f"{name}.gru_rel_pos_linear.bias")
        self._gate_weight = weight.view(2, 4, -1).sum(1).t().contiguous()
        self._gate_bias = bias.view(2, 4).sum(1)
        self._const = parts.tensor(f"{name}.gru_rel_pos_const").view(1, -1, 1)

    def __call__(self, x: Tensor, bias: Tensor, memory: Memory) -> Tensor:
        """(4, dim), (heads, 4, window) -> (4, dim). `memory.frames` are those before `x`."""
        frames, dim = x.shape
        head_dim = dim // self._heads
        query, key, value = self._qkv(x).view(frames, 3, self._heads, head_dim).unbind(1)
        keys = memory.append(
            self._keys,
            key.permute(1, 2, 0),
            2,
            lambda: x.new_zeros(self._heads, head_dim, self._past),
        )
        values = memory.append(
            self._values,
            value.transpose(0, 1),
            1,
            lambda: x.new_zeros(self._heads, self._past, head_dim),
        )
        scores = torch.baddbmm(
            self._gate(x) * bias, query.transpose(0, 1), keys, alpha=1.0 / math.sqrt(head_dim)
        )
        unborn = self._past - memory.frames
        if unborn > 0:
            scores[:, :, :unborn] = -math.inf
        y = torch.bmm(scores.softmax(-1), values)
        return self._out(y.transpose(0, 1).reshape(frames, dim))

    def _gate(self, x: Tensor) -> Tensor:
        """(4, dim) -> (heads, 4, 1)."""
        heads = x.view(len(x), self._heads, -1)
        a, b = (heads @ self._gate_weight).add_(self._gate_bias).sigmoid_().chunk(2, -1)
        return (a * (b * self._const - 1.0) + 2.0).transpose(0, 1)


class TransformerLayer:
    def __init__(self, parts: Parts, name: str, config: EncoderConfig) -> None:
        self._attention_norm = Norm(parts, f"{name}.attention_norm")
        self._attention = Attention(parts, f"{name}.attention", config)
        self._norm = Norm(parts, f"{name}.feed_forward_norm")
        self._in = linear(parts, f"{name}.feed_forward.in_proj")
        self._out = linear(parts, f"{name}.feed_forward.out_proj")

    def __call__(self, x: Tensor, bias: Tensor, memory: Memory) -> Tensor:
        x = x + self._attention(self._attention_norm(x), bias, memory)
        return x + self._out(F.gelu(self._in(self._norm(x))))


class QuickEncoder:
    """(1280,) samples -> (4, dim) features."""

    def __init__(self, parts: Parts, config: EncoderConfig) -> None:
        convs = enumerate(zip(config.kernel_sizes, config.strides, strict=True))
        self._convs = [
            ConvBlock(parts, f"encoder.feature_extractor.layers.{i}", kernel, stride)
            for i, (kernel, stride) in convs
        ]
        self._norm = Norm(parts, "encoder.norm")
        self._proj = linear(parts, "encoder.feature_proj")
        inner = "encoder.encoder"
        self._positional = PositionalEmbedding(
            parts, f"{inner}.positional_embedding", config.conv_pos_groups, config.conv_pos
        )
        self._bias = _relative_bias(parts.tensor(f"{inner}.relative_embedding.weight"), config)
        self._layers = [
            TransformerLayer(parts, f"{inner}.layers.{i}", config) for i in range(config.num_layers)
        ]

    def __call__(self, sig: Tensor, memory: Memory) -> Tensor:
        x = sig[:, None]
        for conv in self._convs:
            x = conv(x, memory)
        x = self._positional(self._proj(self._norm(x)), memory)
        for layer in self._layers:
            x = layer(x, self._bias, memory)
        memory.frames += len(x)
        return x


def _relative_bias(embedding: Tensor, config: EncoderConfig) -> Tensor:
    """(heads, 4, window): of a chunk's frames to those of the window that ends with the chunk."""
    query = torch.arange(CHUNK_CODES)[:, None]
    key = torch.arange(CHUNK_CODES - config.window_size, CHUNK_CODES)
    buckets = relative_buckets(key - query, config.num_buckets, config.max_distance)
    return embedding[buckets].permute(2, 0, 1).contiguous()
