"""Speech at two rates, cropped at random: 16 kHz for the encoder, 24 kHz for the decoder to make.

Which crops a step gets depends on the seed and the step alone, so that a run that was stopped
goes on with the crops it would have had.
"""

from __future__ import annotations

import csv
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.errors import AudioFileError, CodecError
from codec.spec import INPUT_RATE
from codec.train.paper.config import SpeechRecipe

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
TRIES = 100
"""Utterances drawn until one is as long as a crop."""


class SpeechUnusable(CodecError):
    """A folder holds no speech to train on."""


class Utterance(NamedTuple):
    """A file, or where in it an utterance begins and how long it is."""

    file: Path
    start_s: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True)
class Batch:
    """`heard` (batch, n) at 16 kHz and `wanted` (batch, n · rate / 16000), the same sound."""

    heard: Tensor
    wanted: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same, on the device."""
        return Batch(self.heard.to(device), self.wanted.to(device))


class Speech:
    """Batches of crops from a folder: one with an index.tsv, or any with sound files in it."""

    def __init__(
        self, folder: Path, recipe: SpeechRecipe, batch: int, rate: int, seed: int = 0
    ) -> None:
        """`rate` is that of `Batch.wanted`. Raises SpeechUnusable or AudioFileError."""
        self._recipe, self._batch, self._rate, self._seed = recipe, batch, rate, seed
        self._utterances = utterances(folder)
        self._pool = ThreadPoolExecutor(recipe.readers, thread_name_prefix="speech")

    @property
    def source_rate(self) -> int:
        """Of the first file, in Hz. Raises AudioFileError."""
        with _open(self._utterances[0].file) as file:
            return int(file.samplerate)

    def batch(self, step: int) -> Batch:
        """The crops of that step. Raises SpeechUnusable or AudioFileError."""
        crops = self._pool.map(self._crop, repeat(step), range(self._batch))
        heard, wanted = zip(*crops, strict=True)
        return Batch(torch.stack(heard), torch.stack(wanted))

    def close(self) -> None:
        """Read no further."""
        self._pool.shutdown(cancel_futures=True)

    def _crop(self, step: int, place: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self._seed, step, place))
        sound, rate = self._drawn(random)
        gain = 10.0 ** (random.uniform(*self._recipe.gain_db) / 20.0)
        # Louder only as far as nothing is clipped.
        sound = sound * min(gain, 1.0 / max(float(np.abs(sound).max()), 1e-6))
        length = self._recipe.samples * self._rate // INPUT_RATE
        return (
            _at_rate(sound, rate, INPUT_RATE, self._recipe.samples),
            _at_rate(sound, rate, self._rate, length),
        )

    def _drawn(self, random: np.random.Generator) -> tuple[NDArray[np.float32], int]:
        """A crop of an utterance long enough for one, at the rate of its file."""
        for _ in range(TRIES):
            utterance = self._utterances[random.integers(len(self._utterances))]
            with _open(utterance.file) as file:
                length = math.ceil(self._recipe.samples * file.samplerate / INPUT_RATE)
                first = round(utterance.start_s * file.samplerate)
                end = file.frames
                if utterance.seconds is not None:
                    end = min(end, first + round(utterance.seconds * file.samplerate))
                if end - first < length:
                    continue
                file.seek(int(random.integers(first, end - length + 1)))
                sound = file.read(length, dtype="float32", always_2d=True).mean(axis=1)
                return sound, int(file.samplerate)
        raise SpeechUnusable(
            f"None of {TRIES} utterances drawn is as long as a crop, {self._recipe.seconds:g} s. "
            "Give longer ones, or shorter crops."
        )


def utterances(folder: Path) -> list[Utterance]:
    """What an index.tsv names under train/, or else every sound file in the folder."""
    index = folder / "index.tsv"
    if index.exists():
        with open(index, newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table, delimiter="\t"))
        found = [
            Utterance(folder / row["file"], float(row["start_s"]), float(row["seconds"]))
            for row in rows
            if row["file"].startswith("train/")
        ]
    else:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
        found = [Utterance(file) for file in files]
    if not found:
        raise SpeechUnusable(
            f"There is no speech in {folder}: neither an index.tsv that names files under train/ "
            f"nor a sound file ({', '.join(ENDINGS)})."
        )
    return found


def _open(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioFileError(path, f"it could not be read ({error}).") from error


def _at_rate(sound: NDArray[np.float32], rate: int, wanted: int, length: int) -> Tensor:
    """`sound` at another rate, exactly `length` samples of it."""
    if rate != wanted:
        sound = soxr.resample(sound, rate, wanted)
    whole = np.zeros(length, np.float32)
    whole[: len(sound)] = sound[:length]
    return torch.from_numpy(whole)
