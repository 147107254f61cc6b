"""Layers that compute what a plain one computes, for a few frames at a time, in less time.

A chunk brings 4 or 8 frames: too few to keep a core busy with sums. What takes time is reading the
weights, and finding out over and over which of torch's general kernels is to be called and how.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.model.causal import SHORT_KERNEL, CausalConv1d, first_context
from codec.runtime.products import MIN_ELEMENTS, Precision, product


class PackedLinear(nn.Module):
    """A linear layer whose weights are laid out for this machine in a precision."""

    def __init__(self, linear: nn.Linear, precision: Precision) -> None:
        super().__init__()
        bias = None if linear.bias is None else linear.bias.detach()
        self._product = product(linear.weight.detach(), bias, precision)

    def forward(self, x: Tensor) -> Tensor:
        """(…, in_features) -> (…, out_features), float32."""
        return self._product(x)


class BriefDepthwise(nn.Module):
    """A causal depthwise convolution of a few frames, with the channels side by side in memory."""

    def __init__(self, conv: CausalConv1d) -> None:
        super().__init__()
        self._past = conv.past
        self._taps = conv.weight.detach()[:, 0].t().contiguous()
        self._bias = None if conv.bias is None else conv.bias.detach()

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As CausalConv1d: (batch, time, channels) -> the same, and the state."""
        frames, past = x.shape[1], len(self._taps) - 1
        if state is None:
            state = first_context(x, past, self._past)
        x = torch.cat([state, x], dim=1)
        windows = x.unfold(1, past + 1, 1).transpose(2, 3)
        y = (windows * self._taps).sum(2)
        return (y if self._bias is None else y.add_(self._bias)), x[:, frames:]


def packed_layer(layer: nn.Module, precision: Precision) -> nn.Module | None:
    """What does the same as this layer on this machine in less time, or None."""
    if type(layer) is nn.Linear and layer.weight.numel() >= MIN_ELEMENTS:
        return PackedLinear(layer, precision)
    if type(layer) is CausalConv1d and _is_depthwise(layer) and layer.past_frames < SHORT_KERNEL:
        return BriefDepthwise(layer)
    return None


def _is_depthwise(conv: CausalConv1d) -> bool:
    return conv.groups == conv.in_channels == conv.out_channels and conv.stride == (1,)
