"""Layers that compute what a plain one computes, for a few frames at a time, in less time.

A chunk brings 4 or 8 frames: too few to keep a core busy with sums. What takes time is reading the
weights, and finding out over and over which of torch's general kernels is to be called and how.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from codec.model.causal import SHORT_KERNEL, CausalConv1d, first_context

MIN_ELEMENTS = 4096
"""Smaller matrices stay float32: to read them takes less time than to call what packs others."""


class HalfLinear(nn.Module):
    """A linear layer with its weights as float16, in the order in which FBGEMM reads them.

    Input, sums and output are float32. Each row of weights is kept as its quotient by the scale
    that makes its largest 127: weights that come from a file of int8 are whole numbers then, which
    float16 holds exactly, and the layer gives what the plain one does up to float32's own rounding.
    Other weights are rounded to 11 bits, which puts an error of about -75 dB on the output.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self._scale = (weight.abs().amax(dim=1) / 127.0).clamp_min(torch.finfo(torch.float32).tiny)
        self._bias = None if linear.bias is None else linear.bias.detach()
        self._weights = torch.ops.quantized.linear_prepack_fp16(weight / self._scale[:, None], None)
        # The overload itself: to find it by the types of its arguments takes half as long again.
        self._product = torch.ops.quantized.linear_dynamic_fp16.default

    def forward(self, x: Tensor) -> Tensor:
        """(…, in_features) -> (…, out_features), float32."""
        y: Tensor = self._product(x, self._weights)
        if self._bias is None:
            return y.mul_(self._scale)
        return torch.addcmul(self._bias, y, self._scale)


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


def packed_layer(layer: nn.Module) -> nn.Module | None:
    """What does the same as this layer on this machine in less time, or None."""
    if type(layer) is nn.Linear and layer.weight.numel() >= MIN_ELEMENTS and has_half_product():
        return HalfLinear(layer)
    if type(layer) is CausalConv1d and _is_depthwise(layer) and layer.past_frames < SHORT_KERNEL:
        return BriefDepthwise(layer)
    return None


def has_half_product() -> bool:
    """Whether torch has FBGEMM here: on x86 yes; on ARM no, and linear layers stay float32."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def _is_depthwise(conv: CausalConv1d) -> bool:
    return conv.groups == conv.in_channels == conv.out_channels and conv.stride == (1,)
