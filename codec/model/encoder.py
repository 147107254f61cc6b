"""Speech -> features: the first layers of WavLM-large made causal (FocalCodec-Stream's encoder).

Sources: WavLM (arXiv 2110.13900) for the layers and the gated relative position bias;
FocalCodec-Stream (arXiv 2509.16195) for the causal, chunked form.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codec.model.causal import CausalConv1d
from codec.model.config import EncoderConfig
from codec.model.feed_forward import FeedForward
from codec.spec import CHUNK_CODES


class AttentionState(NamedTuple):
    """The keys and values of the past that later chunks can see.

    `keys` and `values` are (batch, heads, past frames, head dim), the newest last; the last
    `valid` (batch,) of them are real, those before lie ahead of the start of the stream.
    """

    keys: Tensor
    values: Tensor
    valid: Tensor


class TransformerState(NamedTuple):
    positional: Tensor
    layers: tuple[AttentionState, ...]


class EncoderState(NamedTuple):
    convs: tuple[Tensor, ...]
    transformer: TransformerState


class ConvBlock(nn.Module):
    """Strided causal convolution, LayerNorm over channels, GELU."""

    def __init__(self, in_dim: int, out_dim: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.conv = CausalConv1d(in_dim, out_dim, kernel_size, stride, bias=False)
        self.norm = nn.LayerNorm(out_dim)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        x, state = self.conv(x, state)
        return F.gelu(self.norm(x)), state


class FeatureExtractor(nn.Module):
    """(batch, samples, 1) -> (batch, samples / 320, hidden)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        in_dims = (1, *config.hidden_dims[:-1])
        sizes = zip(in_dims, config.hidden_dims, config.kernel_sizes, config.strides, strict=True)
        self.layers = nn.ModuleList(ConvBlock(*size) for size in sizes)

    def forward(
        self, x: Tensor, state: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        new_state = []
        for i, layer in enumerate(self.layers):
            x, layer_state = layer(x, state[i] if state is not None else None)
            new_state.append(layer_state)
        return x, tuple(new_state)


class PositionalEmbedding(nn.Module):
    """A wide grouped convolution whose output tells where in the utterance a frame is."""

    def __init__(self, dim: int, kernel_size: int, groups: int) -> None:
        super().__init__()
        self.conv = CausalConv1d(dim, dim, kernel_size, groups=groups)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        y, state = self.conv(x, state)
        return x + F.gelu(y), state


class Attention(nn.Module):
    """Multi-head self-attention over a window of the past, with WavLM's gated position bias."""

    def __init__(self, dim: int, num_heads: int, past_frames: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.past_frames = past_frames
        self.head_dim = dim // num_heads
        self.qkv_proj = nn.Linear(dim, 3 * dim)
        self.out_proj = nn.Linear(dim, dim)
        self.gru_rel_pos_linear = nn.Linear(self.head_dim, 8)
        self.gru_rel_pos_const = nn.Parameter(torch.ones(1, num_heads, 1, 1))

    def forward(
        self, x: Tensor, bias: Tensor, visible: Tensor, state: AttentionState
    ) -> tuple[Tensor, AttentionState]:
        """Attend from each of `x`'s frames to the past and to `x` itself.

        `x`: (batch, T, dim). `bias`: (heads, T, past + T). `visible`: (batch, 1, T, past + T),
        True where a query sees a key.
        """
        batch, frames, dim = x.shape
        by_head = (batch, frames, -1, self.num_heads, self.head_dim)
        query, key, value = self.qkv_proj(x).view(by_head).permute(2, 0, 3, 1, 4)
        keys = torch.cat([state.keys, key], dim=2)
        values = torch.cat([state.values, value], dim=2)
        gated = self._gate(x) * bias
        y = F.scaled_dot_product_attention(
            query, keys, values, attn_mask=gated.masked_fill(~visible, -math.inf)
        )
        valid = (state.valid + frames).clamp(max=self.past_frames)
        new_state = AttentionState(keys[:, :, frames:], values[:, :, frames:], valid)
        return self.out_proj(y.transpose(1, 2).reshape(batch, frames, dim)), new_state

    def _gate(self, x: Tensor) -> Tensor:
        """(batch, T, dim) -> (batch, heads, T, 1), how much each query heeds positions."""
        heads = x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)
        a, b = self.gru_rel_pos_linear(heads).unflatten(-1, (2, 4)).sum(-1).sigmoid().chunk(2, -1)
        return a * (b * self.gru_rel_pos_const - 1.0) + 2.0


class TransformerLayer(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        # A query sees `window_size` frames up to its chunk's end, so the past is that less a chunk.
        self.attention_norm = nn.LayerNorm(config.dim)
        self.attention = Attention(config.dim, config.num_heads, config.window_size - CHUNK_CODES)
        self.feed_forward_norm = nn.LayerNorm(config.dim)
        self.feed_forward = FeedForward(config.dim, config.ffn_dim)

    def forward(
        self, x: Tensor, bias: Tensor, visible: Tensor, state: AttentionState
    ) -> tuple[Tensor, AttentionState]:
        y, state = self.attention(self.attention_norm(x), bias, visible, state)
        x = x + y
        return x + self.feed_forward(self.feed_forward_norm(x)), state


class Transformer(nn.Module):
    """Positional convolution, then pre-norm layers that share one relative position embedding."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.window = config.window_size
        self.past_frames = config.window_size - CHUNK_CODES
        self.num_heads = config.num_heads
        self.max_distance = config.max_distance
        self.positional_embedding = PositionalEmbedding(
            config.dim, config.conv_pos, config.conv_pos_groups
        )
        self.relative_embedding = nn.Embedding(config.num_buckets, config.num_heads)
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.num_layers))

    def forward(self, x: Tensor, state: TransformerState | None) -> tuple[Tensor, TransformerState]:
        x, positional = self.positional_embedding(x, state.positional if state else None)
        pasts = state.layers if state is not None else (self._empty_past(x),) * len(self.layers)
        frames = x.shape[1]
        query = torch.arange(frames, device=x.device)[:, None]
        key = torch.arange(-self.past_frames, frames, device=x.device)
        bias = self._relative_bias(key - query)
        visible = self._visible(query, key, pasts[0].valid)
        new_state = []
        for layer, past in zip(self.layers, pasts, strict=True):
            x, past = layer(x, bias, visible, past)
            new_state.append(past)
        return x, TransformerState(positional, tuple(new_state))

    def _empty_past(self, x: Tensor) -> AttentionState:
        """What every layer remembers before the stream `x` (batch, T, dim) begins."""
        head_dim = x.shape[2] // self.num_heads
        nothing = x.new_zeros(x.shape[0], self.num_heads, self.past_frames, head_dim)
        valid = torch.zeros(x.shape[0], dtype=torch.int64, device=x.device)
        return AttentionState(nothing, nothing, valid)

    def _visible(self, query: Tensor, key: Tensor, valid: Tensor) -> Tensor:
        """Which keys (position from the first frame at hand) each query sees, stream by stream."""
        chunk_end = (query // CHUNK_CODES + 1) * CHUNK_CODES
        in_window = (key < chunk_end) & (key >= chunk_end - self.window)
        return in_window & (key >= -valid[:, None, None, None])

    def _relative_bias(self, offset: Tensor) -> Tensor:
        """(T, S) offsets, key position less query position -> (heads, T, S)."""
        buckets = relative_buckets(
            offset, self.relative_embedding.num_embeddings, self.max_distance
        )
        return self.relative_embedding(buckets).permute(2, 0, 1)


def relative_buckets(offset: Tensor, num_buckets: int, max_distance: int) -> Tensor:
    """The bucket of each offset: half of the buckets for the future, exact near, coarse far."""
    half = num_buckets // 2
    exact = half // 2
    distance = offset.abs()
    octaves = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (octaves * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(distance < exact, distance, far) + (offset > 0) * half


class Encoder(nn.Module):
    """(batch, 1280·n) samples at 16 kHz -> (batch, 4·n, dim) features."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        hidden = config.hidden_dims[-1]
        self.feature_extractor = FeatureExtractor(config)
        self.norm = nn.LayerNorm(hidden)
        self.feature_proj = nn.Linear(hidden, config.dim)
        self.encoder = Transformer(config)

    def forward(self, sig: Tensor, state: EncoderState | None) -> tuple[Tensor, EncoderState]:
        convs, transformer = state if state is not None else (None, None)
        x, convs = self.feature_extractor(sig[:, :, None], convs)
        x, transformer = self.encoder(self.feature_proj(self.norm(x)), transformer)
        return x, EncoderState(convs, transformer)
