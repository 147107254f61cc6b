"""Objective measures of a decoded clip against its original, both mono float at 16 kHz.

All but `lsd` need a package of the `measure` extra, and raise MeasureMissing where it is not there.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from codec.errors import CodecError

RATE = 16_000


class MeasureMissing(CodecError):
    """A package that measures is not installed."""


def needs(*modules: str, extra: str = "measure") -> None:
    """Raise MeasureMissing unless these modules, of one of our extras, can be imported."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise MeasureMissing(
            f"This needs {' and '.join(missing)}, which is not installed. Install the "
            f"extra “{extra}”; CONTRIBUTING.md says how."
        )


def aligned(original: np.ndarray, decoded: np.ndarray, most: int = 1600) -> np.ndarray:
    """`decoded` shifted by up to `most` samples to where its envelope fits `original` best."""

    def envelope(sig: np.ndarray) -> np.ndarray:
        smooth = np.convolve(np.abs(sig), np.hanning(160), "same")
        return smooth - smooth.mean()

    length = min(len(original), len(decoded))
    a, b = envelope(original[:length]), envelope(decoded[:length])
    shifts = range(-most, most + 1, 16)
    best = max(shifts, key=lambda s: float(np.dot(a, np.roll(b, -s))))
    moved = np.roll(decoded, -best)
    return moved[: len(original)]


def stoi(original: np.ndarray, decoded: np.ndarray) -> float:
    """Short-time objective intelligibility (Taal et al., 2011), 0 to 1."""
    needs("pystoi")
    from pystoi import stoi as measure

    length = min(len(original), len(decoded))
    return float(measure(original[:length], decoded[:length], RATE))


def speaker_similarity(original: np.ndarray, decoded: np.ndarray) -> float:
    """Cosine of the Resemblyzer embeddings: the same speaker is about 0.94, others 0.5."""
    encoder = _voice_encoder()
    a, b = encoder.embed_utterance(original), encoder.embed_utterance(decoded)
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


@cache
def _voice_encoder():  # type: ignore[no-untyped-def]
    needs("resemblyzer")
    # Resemblyzer imports webrtcvad only to trim silence, which is not done here.
    if importlib.util.find_spec("webrtcvad") is None:
        sys.modules["webrtcvad"] = types.ModuleType("webrtcvad")
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False)


def pesq(original: np.ndarray, decoded: np.ndarray) -> float:
    """PESQ wide-band (ITU-T P.862.2), 1 to 4.6."""
    needs("pesq")
    from pesq import pesq as measure

    length = min(len(original), len(decoded))
    return float(measure(RATE, original[:length], decoded[:length], "wb"))


def dnsmos(original: np.ndarray, decoded: np.ndarray) -> float:
    """DNSMOS overall (ICASSP 2022), 1 to 5, of the decoded clip alone, at the original's level."""
    needs("speechmos")
    from speechmos import dnsmos as measure

    level = np.sqrt(np.mean(original**2) / max(float(np.mean(decoded**2)), 1e-12))
    heard = np.clip(decoded * level, -1.0, 1.0)
    return float(measure.run(heard, RATE, return_df=False)["ovrl_mos"])


def pitch_error(original: np.ndarray, decoded: np.ndarray) -> float:
    """Median difference of pitch in cents, over the frames voiced in both."""
    detector = _pitch_detector()
    a, b = detector.detect(original, RATE), detector.detect(decoded, RATE)
    frames = min(len(a.pitch_hz), len(b.pitch_hz))
    voiced = (a.confidence[:frames] >= 0.5) & (b.confidence[:frames] >= 0.5)
    if not voiced.any():
        return float("nan")
    ratio = b.pitch_hz[:frames][voiced] / a.pitch_hz[:frames][voiced]
    return float(np.median(np.abs(1200 * np.log2(ratio))))


@cache
def _pitch_detector():  # type: ignore[no-untyped-def]
    needs("swift_f0")
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1)


def lsd(original: np.ndarray, decoded: np.ndarray) -> float:
    """Log-spectral distance in dB: RMS over frequency, mean over 32 ms frames with sound in them.

    Gray and Markel, "Distance measures for speech processing", 1976. Needs numpy only.
    """
    a, b = _log_spectra(original), _log_spectra(decoded)
    frames = min(len(a), len(b))
    distance = np.sqrt(np.mean((a[:frames] - b[:frames]) ** 2, axis=1))
    sounding = a[:frames].max(axis=1) > a.max() - 50.0
    return float(distance[sounding].mean())


def _log_spectra(sig: np.ndarray, size: int = 512) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(sig, size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    return 10 * np.log10(power + 1e-6)


@dataclass(frozen=True)
class Metric:
    """A measure of (original, decoded), and the head of its column."""

    title: str
    measure: Callable[[np.ndarray, np.ndarray], float]


METRICS = {
    "stoi": Metric("STOI", stoi),
    "similarity": Metric("similarity", speaker_similarity),
    "pesq": Metric("PESQ", pesq),
    "dnsmos": Metric("DNSMOS", dnsmos),
    "pitch": Metric("pitch error, cents", pitch_error),
    "lsd": Metric("LSD, dB", lsd),
}
"""Name on the command line -> measure."""
