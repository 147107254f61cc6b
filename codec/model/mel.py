"""Mel filter banks, windows and magnitude spectra."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def mel_filters(rate: int, n_fft: int, bands: int, high: float | None = None) -> Tensor:
    """Triangular filters, (bands, n_fft // 2 + 1), each of unit area.

    The mel scale is Slaney's (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
    `high` is the upper edge in Hz, half the rate by default.
    """
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(high or rate / 2), bands + 2))
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area = 2.0 / (edges[2:] - edges[:-2])
    return torch.from_numpy((triangles * area[:, None]).astype(np.float32))


def _hz_to_mel(hz: float) -> float:
    if hz < 1000.0:
        return hz * 3.0 / 200.0
    return 15.0 + 27.0 * float(np.log(hz / 1000.0) / np.log(6.4))


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(
        mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0)
    )


def hann(window: int) -> Tensor:
    """The periodic Hann window, (window,): as many samples as a period of it has."""
    n = np.arange(window)
    return torch.from_numpy((0.5 - 0.5 * np.cos(2.0 * np.pi * n / window)).astype(np.float32))


def magnitudes(frames: Tensor, window: Tensor) -> Tensor:
    """Magnitude spectra, (…, n) samples under an (n,) window -> (…, n // 2 + 1)."""
    return torch.fft.rfft(frames * window).abs().clamp_min(1e-6)
