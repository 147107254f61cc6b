"""What the training minimises, each a function of tensors to a scalar."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.mel import mel_filters
from codec.train.teacher import WhisperEncoder

RESOLUTIONS = ((256, 40), (512, 64), (1024, 80), (2048, 100))
"""(n_fft, mel bands) of the spectral losses; the hop is a quarter of n_fft."""


class SpectralLoss(nn.Module):
    """L1 of log-mel plus spectral convergence, averaged over four resolutions.

    The multi-resolution form of Parallel WaveGAN (arXiv 1910.11480), on mel bands so that the
    weight of each band is the ear's.
    """

    def __init__(self, rate: int = 16_000) -> None:
        super().__init__()
        for n_fft, bands in RESOLUTIONS:
            self.register_buffer(f"mel_{n_fft}", mel_filters(rate, n_fft, bands), False)
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft), False)

    def forward(self, made: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) twice -> mean log-mel L1, mean spectral convergence + log L1."""
        mel_loss, linear_loss = made.new_zeros(()), made.new_zeros(())
        for n_fft, _ in RESOLUTIONS:
            mel = getattr(self, f"mel_{n_fft}") * (n_fft / 32)
            window = getattr(self, f"window_{n_fft}")
            m, t = spectrum(made, window), spectrum(true, window)
            mel_loss = mel_loss + F.l1_loss(log_floor(mel @ m), log_floor(mel @ t))
            distance = torch.linalg.vector_norm(m - t, dim=(1, 2))
            energy = torch.linalg.vector_norm(t, dim=(1, 2)).clamp_min(1.0)
            linear_loss = linear_loss + (distance / energy).mean()
        return mel_loss / len(RESOLUTIONS), linear_loss / len(RESOLUTIONS)


def spectrum(sig: Tensor, window: Tensor) -> Tensor:
    """(batch, samples) -> magnitudes (batch, bins, frames), a quarter of the window apart."""
    n_fft = len(window)
    complex_ = torch.stft(sig, n_fft, n_fft // 4, window=window, center=False, return_complex=True)
    return torch.view_as_real(complex_).square().sum(-1).clamp_min(1e-8).sqrt()


def log_floor(x: Tensor) -> Tensor:
    """Natural logarithm with a floor about 70 dB under loud speech."""
    return x.clamp_min(1e-2).log()


def bit_entropy(lats: Tensor, sharpness: float) -> Tensor:
    """Mean entropy of each bit's assignment minus entropy of its mean assignment, in nats.

    The entropy term of the binary spherical quantiser (arXiv 2406.07548) factorised over bits: a
    softmax over all codewords is too dear for large codebooks. `lats` is (batch, time, bits) on
    the unit sphere; lower is better: bits that are decided, and each as often 1 as 0.
    """
    p = torch.sigmoid(sharpness * lats * math.sqrt(lats.shape[-1]))
    return (_entropy(p).mean((0, 1)) - _entropy(p.mean((0, 1)))).mean()


def _entropy(p: Tensor) -> Tensor:
    p = p.clamp(1e-6, 1 - 1e-6)
    return -(p * p.log() + (1 - p) * (1 - p).log())


def straight_through_signs(lats: Tensor, kept: Tensor | None = None) -> Tensor:
    """±1/√bits by the sign of each latent, with the latent's gradient.

    `kept`, (batch, 1, bits) of ones and zeros, says which bits of each crop the decoder gets; of
    the others it sees nothing. Only crops of all bits teach the encoder: the lower rates are the
    decoder's task, or the bits they lack would be worth less at the full rate.
    """
    signs = torch.where(lats > 0, 1.0, -1.0) / math.sqrt(lats.shape[-1])
    if kept is None:
        return lats + (signs - lats).detach()
    whole = kept.amin(-1, keepdim=True)
    return (signs + whole * (lats - lats.detach())).to(signs.dtype) * kept


class VoiceLoss(nn.Module):
    """Whose voice it is, as its long-term spectrum: mean and spread over time of the log-mel."""

    mel: Tensor
    window: Tensor

    def __init__(self, rate: int = 16_000, n_fft: int = 1024, bands: int = 80) -> None:
        super().__init__()
        self.register_buffer("mel", mel_filters(rate, n_fft, bands) * (n_fft / 32), False)
        self.register_buffer("window", torch.hann_window(n_fft), False)

    def _statistics(self, sig: Tensor) -> Tensor:
        log = log_floor(self.mel @ spectrum(sig, self.window))
        return torch.stack([log.mean(-1), log.std(-1)], dim=-1)

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        """(batch, samples) twice -> scalar."""
        return F.l1_loss(self._statistics(made), self._statistics(true))


class WordLoss:
    """What a recogniser's encoder hears in the output, beside what it hears in the original.

    `deviation` (dim,) is each feature's own over speech: some are a hundred times as large as
    others, and say no more.
    """

    def __init__(self, encoder: WhisperEncoder, layer: int, deviation: Tensor) -> None:
        self._encoder, self._layer, self._deviation = encoder, layer, deviation

    def __call__(self, made: Tensor, true: Tensor) -> Tensor:
        """(batch, samples) at 16 kHz twice -> scalar."""
        with torch.no_grad():
            wanted = self._encoder.features(true, self._layer).float()
        seen = self._encoder.features(made, self._layer).float()
        return ((seen - wanted) / self._deviation).square().mean()
