"""Judges of whether a wave is real: by period and by spectrum.

The multi-period discriminator is HiFi-GAN's (arXiv 2010.05646), the multi-resolution one looks at
complex spectra (as in EnCodec, arXiv 2210.13438); both narrower, for a CPU can train them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = (1024, 512, 256)
"""FFT sizes; the hop is a quarter."""

_SLOPE = 0.1

Verdict = tuple[Tensor, list[Tensor]]
"""A judge's scores, and its features layer by layer."""


class PeriodJudge(nn.Module):
    """Hears every `period`-th sample as a wave of its own, all phases with the same weights."""

    def __init__(self, period: int, width: int = 16) -> None:
        super().__init__()
        self.period = period
        channels = [1, width, 2 * width, 4 * width, 4 * width]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv1d(into, out, 5, 3, 2)) for into, out in pairwise(channels)
        )
        self.verdict = weight_norm(nn.Conv1d(channels[-1], 1, 3, padding=1))

    def forward(self, sig: Tensor) -> Verdict:
        """(batch, samples) -> scores and features."""
        whole = sig[:, : sig.shape[1] // self.period * self.period]
        phases = whole.reshape(len(sig), -1, self.period).transpose(1, 2)
        # In bfloat16 these narrow convolutions took a CPU nine times as long.
        with torch.autocast(sig.device.type, enabled=False):
            waves = phases.reshape(-1, 1, phases.shape[2]).float()
            return _judged(waves, self.layers, self.verdict)


class SpectrumJudge(nn.Module):
    """Sees the complex spectrogram at one resolution."""

    window: Tensor

    def __init__(self, n_fft: int, width: int = 16) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        strides = (1, 2, 2, 2)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(2 if i == 0 else width, width, (9, 3), (stride, 1), (4, 1)))
            for i, stride in enumerate(strides)
        )
        self.verdict = weight_norm(nn.Conv2d(width, 1, (3, 3), padding=(1, 1)))

    def forward(self, sig: Tensor) -> Verdict:
        """(batch, samples) -> scores and features."""
        spectrum = torch.stft(
            sig, self.n_fft, self.n_fft // 4, window=self.window, return_complex=True
        )
        # Compressed, or the strong low harmonics would be all that is seen.
        size = (spectrum.abs() / self.n_fft**0.5).clamp_min(1e-3)
        seen = torch.view_as_real(spectrum / self.n_fft**0.5 * size**-0.6).permute(0, 3, 1, 2)
        return _judged(seen, self.layers, self.verdict)


def _judged(x: Tensor, layers: nn.ModuleList, verdict: nn.Module) -> Verdict:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), _SLOPE)
        features.append(x)
    return verdict(x), features


class Jury(nn.Module):
    """All judges together."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            [PeriodJudge(period, width) for period in PERIODS]
            + [SpectrumJudge(n_fft, width) for n_fft in RESOLUTIONS]
        )

    def forward(self, sig: Tensor) -> list[Verdict]:
        """(batch, samples) -> a verdict each."""
        return [judge(sig) for judge in self.judges]


def jury_loss(of_true: list[Verdict], of_made: list[Verdict]) -> Tensor:
    """What the jury minimises: the hinge loss, true above 1 and made below −1."""
    total = sum(
        F.relu(1 - true).mean() + F.relu(1 + made).mean()
        for (true, _), (made, _) in zip(of_true, of_made, strict=True)
    )
    return torch.as_tensor(total) / len(of_true)


def persuasion_loss(of_made: list[Verdict]) -> Tensor:
    """What the model minimises to be taken for true."""
    return torch.as_tensor(sum(-made.mean() for made, _ in of_made)) / len(of_made)


def feature_loss(of_true: list[Verdict], of_made: list[Verdict]) -> Tensor:
    """L1 between what the jury notices in the true and in the made wave."""
    terms = [
        F.l1_loss(made, true.detach()) / true.detach().abs().mean().clamp_min(1e-3)
        for (_, trues), (_, mades) in zip(of_true, of_made, strict=True)
        for true, made in zip(trues, mades, strict=True)
    ]
    return torch.stack(terms).mean()
