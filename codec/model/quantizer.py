"""Binary spherical quantisation (arXiv 2406.07548): one bit for the sign of each latent channel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BinarySphericalQuantizer(nn.Module):
    """Latents <-> codes; has no weights.

    Bit i of a code, counted from the most significant, is lat_i > 0.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def to_sphere(self, lats: Tensor) -> Tensor:
        """(..., bits) latents, scaled to length one."""
        return F.normalize(lats, dim=-1)

    def to_codes(self, lats: Tensor) -> Tensor:
        """(..., bits) latents -> (...) codes, int64. The sign does not care for the length."""
        return ((lats > 0).long() << self._shifts(lats.device)).sum(-1)

    def to_vectors(self, codes: Tensor) -> Tensor:
        """(...) codes -> (..., bits) corners of the cube in the unit sphere, ±1/√bits, float32."""
        signs = (codes[..., None] >> self._shifts(codes.device)) & 1
        return (signs.float() * 2.0 - 1.0) / math.sqrt(self.bits)

    def _shifts(self, device: torch.device) -> Tensor:
        return torch.arange(self.bits - 1, -1, -1, device=device)
