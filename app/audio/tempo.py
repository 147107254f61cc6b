"""Speech a little shorter or longer at the same pitch, and seams that do not click.

A stretch of sound that repeats itself, a period or a few of a voice, is left out or played twice
where it joins best (waveform similarity overlap-add, Verhelst and Roelands, ICASSP 1993).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]

_LEAST_LAG_SECONDS = 0.0025
_OVERLAP_SECONDS = 0.008
_STEP_SECONDS = 0.005
_ALIKE = 0.5
"""How much alike the two ends of a join must be: below that it would be heard."""

_QUIET_RMS = 0.003
_SEAM_SECONDS = 0.005


def retimed(pcm: Pcm, rate: int, seconds: float) -> Pcm:
    """`pcm`, shape (n,), made longer by about `seconds` (shorter, where that is below 0).

    Never by more. It comes back as it was where nothing fits: the next chunk may do better.
    """
    most, least = round(abs(seconds) * rate), round(_LEAST_LAG_SECONDS * rate)
    overlap = round(_OVERLAP_SECONDS * rate)
    if most < least or len(pcm) < most + overlap:
        return pcm
    at, lag, alike = _best_join(pcm, rate, least, most, overlap)
    quiet = float(np.mean(pcm[at : at + lag + overlap] ** 2)) < _QUIET_RMS**2
    if alike < _ALIKE and not quiet:
        return pcm
    fade = np.linspace(0.0, 1.0, overlap, endpoint=False, dtype=np.float32)
    near, far = pcm[at : at + overlap], pcm[at + lag : at + lag + overlap]
    if seconds < 0:
        joint = near * (1 - fade) + far * fade
        return np.concatenate([pcm[:at], joint, pcm[at + lag + overlap :]])
    joint = far * (1 - fade) + near * fade
    return np.concatenate([pcm[: at + lag], joint, pcm[at + overlap :]])


def _best_join(pcm: Pcm, rate: int, least: int, most: int, overlap: int) -> tuple[int, int, float]:
    """Where to join what with what: the place, how far apart, and how much alike they are."""
    best, best_score = (0, most, -1.0), -1.0
    squares = np.concatenate([[0.0], np.cumsum(pcm.astype(np.float64) ** 2)])
    energy = squares[overlap:] - squares[:-overlap]
    # Of joins as good as each other the longest saves most.
    bonus = 0.3 * np.linspace(0.0, 1.0, most - least + 1)
    for at in range(0, len(pcm) - most - overlap + 1, round(_STEP_SECONDS * rate)):
        region = pcm[at + least : at + most + overlap]
        products = np.correlate(region, pcm[at : at + overlap], "valid")
        norms = np.sqrt(energy[at] * energy[at + least : at + most + 1]) + 1e-9
        alike = products / norms
        score = np.where(alike >= _ALIKE, alike + bonus, alike - 1.0)
        index = int(np.argmax(score))
        if score[index] > best_score:
            best_score = float(score[index])
            best = (at, least + index, float(alike[index]))
    return best


class Seam:
    """Joins sounds of different origin: the step between them is spread over 5 ms."""

    def __init__(self, rate: int) -> None:
        self._length = round(_SEAM_SECONDS * rate)
        self._last = 0.0

    def join(self, pcm: Pcm) -> Pcm:
        """`pcm` begun where the sound before it ended."""
        length = min(self._length, len(pcm))
        joined = pcm.copy()
        joined[:length] += (self._last - pcm[0]) * np.linspace(1.0, 0.0, length, dtype=np.float32)
        self.follow(joined)
        return joined

    def follow(self, pcm: Pcm) -> None:
        """Note a sound that went on by itself."""
        self._last = float(pcm[-1])
