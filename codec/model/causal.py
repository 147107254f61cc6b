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
        return super().forward(x.transpose(1, 2)).transpose(1, 2), new_state


def first_context(x: Tensor, frames: int, past: PastPadding) -> Tensor:
    """The `frames` of context before the start of the stream `x` (batch, time, channel)."""
    if past == "replicate":
        return x[:, :1].expand(-1, frames, -1)
    return x.new_zeros(x.shape[0], frames, x.shape[2])
