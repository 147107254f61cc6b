"""Causal convolution as an explicit-state function, the brick of every streaming module here.

A streaming module is called as `y, state = module(x, state)`: `x` is (batch, time, channel), any
number of frames; `state` is None at the start of a stream and afterwards whatever the last call
gave, always of the same size. Calling it chunk by chunk gives the same numbers as calling it once.
The module itself holds weights only, so that many streams share one module.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

PastPadding = Literal["replicate", "zeros"]

FEW_FRAMES, SHORT_KERNEL = 16, 32
"""Up to here a depthwise convolution is done as a sum of products: on one core, a chunk of 4 or 8
frames took a quarter of the time that the general convolution needs to set itself up."""


class CausalConv1d(nn.Conv1d):
    """A convolution over time that sees only the present and the past.

    The context before the first sample of a stream is that sample repeated ("replicate") or
    silence ("zeros"). The state is the input's last `kernel - 1` frames, so that `stride * n`
    frames of input give exactly n frames of output; each call must bring a multiple of `stride`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        *,
        groups: int = 1,
        bias: bool = True,
        past: PastPadding = "replicate",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, groups=groups, bias=bias)
        self.past: PastPadding = past
        self.past_frames = kernel_size - 1

    def forward(  # type: ignore[override]
        self, x: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Convolve (batch, time, in_channels) -> (batch, time / stride, out_channels)."""
        if state is None:
            state = first_context(x, self.past_frames, self.past)
        x = torch.cat([state, x], dim=1)
        new_state = x[:, x.shape[1] - state.shape[1] :]
        if self._is_brief(x.shape[1] - self.past_frames):
            products = x.unfold(1, self.past_frames + 1, 1) * self.weight[:, 0]
            y = products.sum(-1)
            return (y if self.bias is None else y + self.bias), new_state
        return super().forward(x.transpose(1, 2)).transpose(1, 2), new_state

    def _is_brief(self, frames: int) -> bool:
        depthwise = self.groups == self.in_channels == self.out_channels and self.stride == (1,)
        return depthwise and frames <= FEW_FRAMES and self.past_frames < SHORT_KERNEL


def first_context(x: Tensor, frames: int, past: PastPadding) -> Tensor:
    """The `frames` of context before the start of the stream `x` (batch, time, channel)."""
    if past == "replicate":
        return x[:, :1].expand(-1, frames, -1)
    return x.new_zeros(x.shape[0], frames, x.shape[2])
