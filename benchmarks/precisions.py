"""What a precision of the runtime costs: codes kept, and what is left of speech after them.

    python -m benchmarks.precisions CLIPS… [--model bundled] [--recogniser moonshine whisper]

Each precision that this machine has runs the model on the same clips. Codes are compared with
those of the plain model; STOI, speaker similarity and words wrong (dWER) with those of float32.
Needs the extra `measure`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from codec.evaluate import table
from codec.evaluate.measures import METRICS
from codec.evaluate.recognise import RECOGNISERS, Recogniser
from codec.model.codec import Codec
from codec.runtime.packed import packed
from codec.runtime.products import available
from codec.weights import load

MEASURES = ("stoi", "similarity")


@dataclass(frozen=True)
class Kept:
    """Shares of the plain model's codes that stayed: over all clips, and in the worst."""

    mean: float
    least: float


@dataclass(frozen=True)
class Figures:
    """Of one precision: codes kept, means over the clips, and words wrong and heard by
    recogniser."""

    precision: str
    kept: Kept
    means: tuple[float, ...]
    words: tuple[tuple[int, int], ...]


def kept(plain: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Kept:
    """Compare the codes of each clip."""
    same = [a == b for a, b in zip(plain, found, strict=True)]
    return Kept(
        float(np.concatenate(same).mean()), min(float(clip.mean()) for clip in same if len(clip))
    )


def measure(
    codec: Codec, clips: Sequence[Path], recognisers: Sequence[Recogniser]
) -> list[Figures]:
    """Every precision on every clip, float32 first."""
    sounds = [table.read_clip(path) for path in clips]
    plain = [table.codes(codec, sound) for sound in sounds]
    heard: dict[tuple[str, Path], list[str]] = {}
    found = []
    for precision in available():
        print(f"{precision} …", file=sys.stderr, flush=True)
        made = packed(codec, precision)
        rows = table.evaluate(
            table.model_subject(made, precision), clips, MEASURES, recognisers, heard=heard
        )
        values = [[v for row in rows for v in row.values[metric]] for metric in MEASURES]
        counts = [[w for row in rows for w in row.words[r.name]] for r in recognisers]
        found.append(
            Figures(
                precision,
                kept(plain, [table.codes(made, sound) for sound in sounds]),
                tuple(float(np.nanmean(each)) for each in values),
                tuple((sum(w for w, _ in each), sum(h for _, h in each)) for each in counts),
            )
        )
    return found


def cells(found: Sequence[Figures], recognisers: Sequence[Recogniser]) -> list[list[str]]:
    """Head and body of the table; behind each figure how far it is from float32's."""
    head = ["precision", "codes kept", "in the worst clip", *(METRICS[m].title for m in MEASURES)]
    head += [f"words wrong ({recogniser.name})" for recogniser in recognisers]
    first = found[0]
    body = []
    for each in found:
        row = [each.precision, f"{each.kept.mean:.2%}", f"{each.kept.least:.1%}"]
        row += [
            f"{mean:.4f} ({mean / base - 1.0:+.2%})"
            for mean, base in zip(each.means, first.means, strict=True)
        ]
        for (wrong, said), (base, _) in zip(each.words, first.words, strict=True):
            row.append(f"{wrong} of {said} ({(wrong - base) / max(said, 1):+.1%} of the words)")
        body.append(row)
    return [head, *body]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--recogniser", nargs="*", default=[], choices=RECOGNISERS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recognisers = [RECOGNISERS[name]() for name in arguments.recogniser]
    found = measure(load(arguments.model), arguments.clips, recognisers)
    print(table.markdown(cells(found, recognisers)))


if __name__ == "__main__":
    main()
