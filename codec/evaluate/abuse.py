"""Sounds a call is not made for, each made of a clip of speech or of nothing but arithmetic.

All are mono float32 at 16 kHz, within ±1, and the same each time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from codec.evaluate.measures import RATE

Sound = NDArray[np.float32]

SECONDS = 6.0
"""Length of what is not made of speech."""

QUIET_DBFS = -50.0
JUMPS_DB = (6.0, -30.0, 0.0, -18.0)
JUMP_SECONDS = 0.7
TEMPO_SECONDS = 0.5


def silence(speech: Sound) -> Sound:
    """Digital silence."""
    return np.zeros(int(SECONDS * RATE), np.float32)


def long_silence(speech: Sound) -> Sound:
    """Ten seconds of it."""
    return np.zeros(10 * RATE, np.float32)


def clipped(speech: Sound) -> Sound:
    """Speech 20 dB too loud for its converter: nearly square."""
    return np.clip(10.0 * speech / _peak(speech), -1, 1).astype(np.float32)


def quiet(speech: Sound) -> Sound:
    """Speech at −50 dBFS."""
    level = np.sqrt(np.mean(np.square(speech, dtype=np.float64)))
    return (speech * 10 ** (QUIET_DBFS / 20) / max(level, 1e-9)).astype(np.float32)


def offset(speech: Sound) -> Sound:
    """Speech on top of a constant 0.3, as from a broken microphone."""
    return np.clip(speech + 0.3, -1, 1).astype(np.float32)


def jumps(speech: Sound) -> Sound:
    """Speech whose gain jumps at once, each 0.7 s."""
    steps = np.arange(len(speech)) // int(JUMP_SECONDS * RATE) % len(JUMPS_DB)
    gain = 10 ** (np.asarray(JUMPS_DB)[steps] / 20)
    return np.clip(speech * gain, -1, 1).astype(np.float32)


def white_noise(speech: Sound) -> Sound:
    """Every frequency alike, at full scale."""
    return _full_scale(np.random.default_rng(1).standard_normal(int(SECONDS * RATE)))


def pink_noise(speech: Sound) -> Sound:
    """Power falling by 3 dB an octave, at full scale."""
    size = int(SECONDS * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(size))
    return _full_scale(np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1))))


def music(speech: Sound) -> Sound:
    """Four chords of plucked sawtooths over a drum and a cymbal."""
    made = np.zeros(int(SECONDS * RATE))
    beat = int(TEMPO_SECONDS * RATE)
    chords = ((110.0, 138.6, 164.8), (98.0, 123.5, 146.8), (130.8, 164.8, 196.0), (82.4, 98, 123.5))
    for count, start in enumerate(range(0, len(made) - beat + 1, beat)):
        t = np.arange(beat) / RATE
        for root in chords[count // 2 % len(chords)]:
            partials = [np.sin(2 * np.pi * root * 2 * k * t) / k for k in range(1, 16)]
            made[start : start + beat] += 0.3 * np.exp(-4 * t) * np.sum(partials, axis=0)
        kick = np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-30 * t)))) * np.exp(-12 * t)
        hiss = np.random.default_rng(count).standard_normal(beat) * np.exp(-40 * t)
        made[start : start + beat] += (1.5 * kick) if count % 2 == 0 else 0.6 * hiss
    return _full_scale(made)


def _peak(sig: NDArray[np.floating]) -> float:
    return max(float(np.abs(sig).max(initial=0.0)), 1e-9)


def _full_scale(sig: NDArray[np.floating]) -> Sound:
    return (sig / _peak(sig)).astype(np.float32)


ABUSES: dict[str, Callable[[Sound], Sound]] = {
    "digital silence": silence,
    "10 s of silence": long_silence,
    "speech clipped at +20 dB": clipped,
    "speech at −50 dBFS": quiet,
    "speech with an offset of 0.3": offset,
    "speech with jumps of gain": jumps,
    "white noise, full scale": white_noise,
    "pink noise, full scale": pink_noise,
    "music": music,
}
"""What it is called -> what makes it of a clip of speech."""
