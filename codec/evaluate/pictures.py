"""Spectrograms of a clip and of what each codec made of it, one above the other, as a PNG.

Needs matplotlib, of the extra `pictures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from codec.evaluate.measures import RATE, needs

WINDOW = 512
HOP = 128
FLOOR_DB = -80.0
"""What lies this far under the original's loudest spot is drawn as nothing."""

ROW_INCHES = 1.8
INCHES_A_SECOND = 1.2
WIDTH_INCHES = (8.0, 24.0)


def needs_pictures() -> None:
    """Raise MeasureMissing unless pictures can be drawn."""
    needs("matplotlib", extra="pictures")


def spectrogram(sig: np.ndarray) -> np.ndarray:
    """Mono samples -> (257, frames) power in dB, of Hann windows of 32 ms each 8 ms."""
    padded = np.pad(sig, (0, max(0, WINDOW - len(sig))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    return 10 * np.log10(power.T + 1e-10)


def draw(original: np.ndarray, decoded: Mapping[str, np.ndarray], path: Path) -> None:
    """Write a PNG: the original above each codec's version, in one scale of colours.

    All sounds are mono at 16 kHz. Raises MeasureMissing without matplotlib.
    """
    needs_pictures()
    from matplotlib.figure import Figure

    rows = {"original": original, **decoded}
    seconds = len(original) / RATE
    width = float(np.clip(INCHES_A_SECOND * seconds, *WIDTH_INCHES))
    figure = Figure(figsize=(width, ROW_INCHES * len(rows)), layout="constrained")
    loudest = float(spectrogram(original).max())
    for axes, (name, sig) in zip(
        figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0], rows.items(), strict=True
    ):
        axes.imshow(
            spectrogram(sig),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=loudest + FLOOR_DB,
            vmax=loudest,
            extent=(0, len(sig) / RATE, 0, RATE / 2000),
        )
        axes.set_title(name, loc="left", fontsize="medium")
        axes.set_ylabel("kHz")
    axes.set_xlim(0, seconds)
    axes.set_xlabel("s")
    figure.savefig(path, dpi=100)
