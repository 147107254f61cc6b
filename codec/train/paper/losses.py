"""What the five stages minimise beside plain squares."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.mel import mel_filters
from codec.train.discriminators import Verdict

SHARPNESS = 100.0
"""How sharply a latent is assigned to the codewords near it."""

JOINT_BITS = 12
"""Codebooks of up to this many bits are counted whole."""


class MelLoss(nn.Module):
    """L1 of the log-mel spectra, as in HiFi-GAN (arXiv 2010.05646): hop a quarter of `n_fft`."""

    mel: Tensor
    window: Tensor

    def __init__(self, rate: int, n_fft: int = 1024, bands: int = 80) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("mel", mel_filters(rate, n_fft, bands, min(rate / 2, 12_000)), False)
        self.register_buffer("window", torch.hann_window(n_fft), False)

    def log_mel(self, sig: Tensor) -> Tensor:
        """(batch, samples) -> (batch, bands, frames)."""
        spectrum = torch.stft(
            sig, self.n_fft, self.n_fft // 4, window=self.window, return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(-1)
        return (self.mel @ (power + 1e-9).sqrt()).clamp_min(1e-5).log()

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        """(batch, samples) twice -> scalar."""
        return F.l1_loss(self.log_mel(made), self.log_mel(true))


def matching_loss(of_true: list[Verdict], of_made: list[Verdict]) -> Tensor:
    """Mean, over all layers of all judges with their scores, of the L1 between true and made.

    HiFi-GAN's five and three judges have 54 such layers, so a weight of 54 makes it their sum.
    """
    terms = [
        F.l1_loss(made.float(), true.detach().float())
        for (true_score, trues), (made_score, mades) in zip(of_true, of_made, strict=True)
        for true, made in zip([*trues, true_score], [*mades, made_score], strict=True)
    ]
    return torch.stack(terms).mean()


def codebook_entropy(lats: Tensor, joint_bits: int = JOINT_BITS) -> Tensor:
    """Mean entropy of the assignment less the entropy of the mean assignment, in nats.

    The assignment of a latent (…, bits), on the unit sphere, is softmax(100 · 2⟨latent, codeword⟩)
    over the codewords, the corners ±1/√bits (binary spherical quantisation, arXiv 2406.07548).
    Under it the bits are independent, so the first term is the sum of theirs, exactly. The mean
    assignment is not: it is counted over all codewords at once up to `joint_bits`; of a larger
    codebook over groups of bits of equal size, whose entropies add up to no less than the whole's.
    """
    bits = lats.shape[-1]
    x = lats.float().reshape(-1, bits) * (4.0 * SHARPNESS / math.sqrt(bits))
    one, zero = torch.sigmoid(x), torch.sigmoid(-x)
    # −log σ(x) is softplus(−x), which stays finite where σ(x) is zero.
    decided = (one * F.softplus(-x) + zero * F.softplus(x)).sum(-1).mean()
    groups = math.ceil(bits / joint_bits)
    size = math.ceil(bits / groups)
    used = lats.new_zeros((), dtype=torch.float32)
    for start in range(0, bits, size):
        joint = one.new_ones(len(x), 1)
        for bit in range(start, min(start + size, bits)):
            joint = torch.cat([joint * zero[:, bit, None], joint * one[:, bit, None]], dim=-1)
        mean = joint.mean(0)
        used = used - (mean * mean.clamp_min(1e-12).log()).sum()
    return decided - used


def straight_through(lats: Tensor) -> Tensor:
    """±1/√bits by the sign of each latent on the sphere, with the latent's own gradient."""
    signs = torch.where(lats > 0, 1.0, -1.0) / math.sqrt(lats.shape[-1])
    return lats + (signs - lats).detach()
