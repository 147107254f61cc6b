"""Speech for training: utterances decoded once, their teacher features cached beside them.

The cache folder holds `speech.i16` (all samples, each utterance cut to whole 20 ms frames),
`features.f16` (the teacher's features, one row a frame) and `index.npy` (first frame and frames
of each utterance), so that any crop is two slices of memory-mapped files.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor
from tqdm import tqdm

from codec.errors import CodecError
from codec.train.teacher import WhisperEncoder

FRAME = 320
"""Samples in one 20 ms frame."""


class SpeechMissing(CodecError):
    """The folder of training speech has no index.tsv."""


class CacheMissing(CodecError):
    """The speech is not prepared yet."""


@dataclass(frozen=True)
class Crops:
    """Random crops of cached speech."""

    samples: np.ndarray
    features: np.ndarray
    index: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def batch(self, count: int, seconds: float, random: np.random.Generator) -> tuple[Tensor, ...]:
        """(count, samples) float wave and (count, frames, dim) teacher features, standardised."""
        frames = round(seconds * 50)
        long_enough = self.index[self.index[:, 1] >= frames]
        chance = long_enough[:, 1] / long_enough[:, 1].sum()
        waves, features = [], []
        for first, length in long_enough[random.choice(len(long_enough), count, p=chance)]:
            start = first + random.integers(0, length - frames + 1)
            waves.append(self.samples[start * FRAME : (start + frames) * FRAME])
            features.append(self.features[start : start + frames])
        return (
            torch.from_numpy(np.stack(waves).astype(np.float32) / 32768.0),
            torch.from_numpy((np.stack(features) - self.mean) / self.deviation),
        )


def utterances(folder: Path) -> Iterator[np.ndarray]:
    """Every utterance the index names, int16 at 16 kHz, cut to whole frames."""
    if not (folder / "index.tsv").exists():
        raise SpeechMissing(
            f"There is no index.tsv in {folder}. It must name the speech files, with the columns "
            "file, start_s, seconds, speaker, language and corpus, separated by tabs."
        )
    with open(folder / "index.tsv", newline="") as table:
        rows = [r for r in csv.DictReader(table, delimiter="\t") if r["file"].startswith("train/")]
    for file, group in groupby(rows, key=lambda row: row["file"]):
        speech, rate = soundfile.read(folder / file, dtype="int16")
        for row in group:
            start = round(float(row["start_s"]) * rate)
            whole = speech[start : start + round(float(row["seconds"]) * rate)]
            yield whole[: len(whole) // FRAME * FRAME]


def prepare(speech: Path, cache: Path, teacher: WhisperEncoder, layer: int) -> None:
    """Fill `cache` from the folder `speech`; does nothing when that was done before."""
    if (cache / "index.npy").exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    index: list[tuple[int, int]] = []
    first = 0
    with (
        open(cache / "speech.i16", "wb") as samples,
        open(cache / "features.f16", "wb") as features,
        torch.inference_mode(),
    ):
        for utterance in tqdm(utterances(speech), desc="Caching speech and teacher features"):
            wave = torch.from_numpy(utterance.astype(np.float32) / 32768.0)
            frames = len(utterance) // FRAME
            if not 50 <= frames <= 1500:
                continue
            rows = teacher.features(wave[None], layer)[0, :frames]
            utterance.tofile(samples)
            rows.numpy().astype(np.float16).tofile(features)
            index.append((first, frames))
            first += frames
    np.save(cache / "index.npy", np.array(index, dtype=np.int64))


def load(cache: Path, dim: int) -> Crops:
    """The crops of a prepared cache whose features have `dim` columns. Raises CacheMissing."""
    if not (cache / "index.npy").exists():
        raise CacheMissing(
            f"There is no prepared speech in {cache}. Run `python -m codec.train prepare` first."
        )
    features = np.memmap(cache / "features.f16", np.float16, "r").reshape(-1, dim)
    some = features[:: max(1, len(features) // 20_000)].astype(np.float32)
    return Crops(
        np.memmap(cache / "speech.i16", np.int16, "r"),
        features,
        np.load(cache / "index.npy"),
        some.mean(axis=0),
        some.std(axis=0) + 1e-3,
    )
