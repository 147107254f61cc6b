"""What became of speech in a call: words, and time, by the file that was heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codec.evaluate.measures import RATE
from codec.evaluate.recognise import Moonshine, word_errors
from codec.evaluate.table import read_clip

OTHER = {"left": "right", "right": "left"}

_FRAME_SECONDS = 0.01
_WINDOW_SECONDS = 12.0
_SKIP_SECONDS = 10.0
_MOST_DRIFT_SECONDS = 2.0


class Judge:
    """Counts words. Raises MeasureMissing when made without moonshine-voice."""

    def __init__(self) -> None:
        self._recogniser = Moonshine()
        self._known: dict[Path, list[str]] = {}

    def wrong(self, heard: dict[str, Path], said: dict[str, Path]) -> float:
        """The share of the words that a recogniser hears in what both ends said (0 to 1, or more)
        which it does not hear in what came."""
        errors = total = 0
        for end, file in heard.items():
            words = self._words(said[OTHER[end]])
            errors += word_errors(words, self._words(file))
            total += len(words)
        return errors / total

    def _words(self, file: Path) -> list[str]:
        if file not in self._known:
            self._known[file] = self._recogniser.transcribe(read_clip(file))
        return self._known[file]


def drift_ms(said: Path, heard: Path) -> float:
    """By how many ms more the end of what was heard lags behind what was said than its beginning.

    By where the envelopes of a window of each fit best, to 10 ms.
    """
    source, ear = _envelope(said), _envelope(heard)
    window, skip = round(_WINDOW_SECONDS / _FRAME_SECONDS), round(_SKIP_SECONDS / _FRAME_SECONDS)
    early, late = skip, len(ear) - skip // 2 - window
    lag = early - _best_fit(source, ear[early : early + window])
    # Speech that is alike elsewhere is not what is sought: no call drifts by more than this.
    around = round(_MOST_DRIFT_SECONDS / _FRAME_SECONDS)
    begin = max(late - lag - around, 0)
    there = source[begin : late - lag + around + window]
    return (
        (late - begin - _best_fit(there, ear[late : late + window]) - lag) * _FRAME_SECONDS * 1000
    )


def _envelope(file: Path) -> np.ndarray:
    sig = read_clip(file)
    samples = round(_FRAME_SECONDS * RATE)
    frames = sig[: len(sig) // samples * samples].reshape(-1, samples)
    return np.log(np.sqrt(np.mean(frames**2, axis=1)) + 1e-3)


def _best_fit(source: np.ndarray, part: np.ndarray) -> int:
    places = np.lib.stride_tricks.sliding_window_view(source, len(part))
    centred = places - places.mean(axis=1, keepdims=True)
    wanted = part - part.mean()
    norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(wanted) + 1e-9
    return int(np.argmax(centred @ wanted / norms))
