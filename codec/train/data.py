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
from typing import NamedTuple

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from codec.errors import CodecError
from codec.train.augment import Augmentation, stretched
from codec.train.teacher import WhisperEncoder

FRAME = 320
"""Samples in one 20 ms frame."""


class SpeechMissing(CodecError):
    """The folder of training speech has no index.tsv."""


class CacheMissing(CodecError):
    """The speech is not prepared yet."""


LONGEST_STRETCH = 1.25
"""Utterances are drawn from only if they are that many times as long as the crop."""


class Speech(NamedTuple):
    """A batch: what is heard and what is wanted, (batch, samples) each, within ±1, and the
    teacher's features of the clean speech, (batch, frames, dim), standardised."""

    heard: Tensor
    wanted: Tensor
    teacher: Tensor

    def to(self, device: torch.device) -> Speech:
        """The same, on the device."""
        return Speech(*(tensor.to(device) for tensor in self))


@dataclass(frozen=True)
class Crops:
    """Random crops of cached speech."""

    samples: np.ndarray
    features: np.ndarray
    index: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def batch(
        self,
        count: int,
        seconds: float,
        random: np.random.Generator,
        augmentation: Augmentation | None = None,
    ) -> Speech:
        """`count` random crops of `seconds`, each with the teacher's view of the clean speech."""
        frames = round(seconds * 50)
        long_enough = self.index[self.index[:, 1] >= round(frames * LONGEST_STRETCH)]
        chance = long_enough[:, 1] / long_enough[:, 1].sum()
        waves, features = [], []
        for first, length in long_enough[random.choice(len(long_enough), count, p=chance)]:
            cut = frames if augmentation is None else round(frames * augmentation.stretch(random))
            start = first + random.integers(0, length - cut + 1)
            speech = self.samples[start * FRAME : (start + cut) * FRAME].astype(np.float32)
            rows = (self.features[start : start + cut] - self.mean) / self.deviation
            wave = torch.from_numpy(speech / 32768.0)
            waves.append(wave if cut == frames else stretched(wave, frames * FRAME))
            features.append(_rows(torch.from_numpy(rows), frames))
        clean, teacher = torch.stack(waves), torch.stack(features)
        if augmentation is None:
            return Speech(clean, clean, teacher)
        return Speech(*augmentation(clean, random), teacher)


def _rows(features: Tensor, frames: int) -> Tensor:
    """(n, dim) -> (frames, dim), in between by straight lines."""
    if len(features) == frames:
        return features
    return F.interpolate(features.T[None], frames, mode="linear", align_corners=True)[0].T


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
