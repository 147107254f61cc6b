"""The feed-forward half of a block, as the encoder and the focal blocks have it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class FeedForward(nn.Module):
    """Wider, GELU, and back: (…, dim) -> the same."""

    def __init__(self, dim: int, ffn_dim: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(dim, ffn_dim)
        self.out_proj = nn.Linear(ffn_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(F.gelu(self.in_proj(x)))
