"""What each part of the recipe brings: short trainings with and without it, on the same clips.

    python -m benchmarks.ablations CLIPS… [--cache runs/cache] [--steps 400] [--batch 6]
                                   [--into build/ablations] [--only NAME …]

Every variant begins at the same random weights, sees the same crops in the same order and takes as
many steps. Two more go on from a finished model for as many steps: with and without the jury.
Short runs say which way a part works, not how far it carries. The table grows in `ablations.csv`
as variants are done; those already in it are not run again.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from codec.evaluate import table
from codec.evaluate.recognise import RECOGNISERS, Recogniser
from codec.train import data, teacher
from codec.train.__main__ import DEFAULT_CONFIG, word_loss
from codec.train.adversarial import AdversarialTraining
from codec.train.augment import Augmentation
from codec.train.lite import Training
from codec.train.run import Budget, run

METRICS = ("stoi", "similarity", "pesq", "dnsmos", "pitch")


@dataclass(frozen=True)
class Variant:
    """A change of the configuration: section -> settings."""

    name: str
    change: dict[str, dict[str, Any]] = field(default_factory=dict)
    adversarial: bool = False
    begun: bool = False
    """Goes on from a finished model."""


VARIANTS = (
    Variant("all"),
    Variant("no distillation", {"training": {"teacher_weight": 0.0}}),
    Variant("the teacher's ear on the output too", {"training": {"word_weight": 0.15}}),
    Variant("no refiner", {"model": {"decoder_mixers": [], "encoder_mixers": []}}),
    Variant("one rate", {"training": {"rates": {"16": 1.0}}}),
    Variant("no voice loss", {"training": {"voice_weight": 0.0}}),
    Variant("begun, without a jury", begun=True),
    Variant("begun, with a jury", adversarial=True, begun=True),
)


def main(argv: list[str] | None = None) -> int:
    """Train and measure what is not in the table yet."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--begin-from", type=Path, default=Path("assets/model"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--into", type=Path, default=Path("build/ablations"))
    parser.add_argument("--only", nargs="*", help="names of variants")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    arguments.into.mkdir(parents=True, exist_ok=True)
    found = arguments.into / "ablations.csv"
    done = {row["recipe"] for row in csv.DictReader(found.open())} if found.exists() else set()
    recognisers = [RECOGNISERS["whisper"]()]
    for variant in VARIANTS:
        if variant.name in done or (arguments.only and variant.name not in arguments.only):
            continue
        print(f"{variant.name}:", flush=True)
        stage = trained(variant, arguments)
        note(
            found,
            {"recipe": variant.name, "steps": str(arguments.steps)}
            | measured(stage, arguments.clips, recognisers),
        )
    rows = list(csv.reader(found.open()))
    (arguments.into / "ablations.md").write_text(table.markdown(rows) + "\n", "utf-8")
    print(table.markdown(rows))
    return 0


def trained(variant: Variant, arguments: argparse.Namespace) -> Training:
    """The variant's run, to its end."""
    config = copy.deepcopy(json.loads(DEFAULT_CONFIG.read_text()))
    for section, settings in variant.change.items():
        config[section] |= settings
    config["training"] |= {"batch": arguments.batch, "warmup_steps": 50, "ema": 0.98}
    crops = data.load(arguments.cache, teacher.WHISPER_BASE_DIM)
    words = word_loss(config["training"], None, crops, "cpu")
    torch.manual_seed(0)
    kind = AdversarialTraining if variant.adversarial else Training
    stage = kind(config, teacher.WHISPER_BASE_DIM, words)
    if variant.begun:
        stage.begin_from(arguments.begin_from)
    augmentation = Augmentation(**config["augmentation"])

    def batch(random: np.random.Generator) -> data.Speech:
        return crops.batch(arguments.batch, stage.recipe.seconds, random, augmentation)

    folder = arguments.into / variant.name.replace(" ", "-")
    run(stage, batch, folder, Budget(arguments.steps, 1e3))
    return stage


def measured(
    stage: Training, clips: Sequence[Path], recognisers: Sequence[Recogniser]
) -> dict[str, str]:
    """The averaged weights on the clips: a cell for each measure."""
    stage.model.load_state_dict(stage.average)
    stage.model.eval()
    subject = table.model_subject(stage.model, "variant")
    rows = table.evaluate(subject, clips, METRICS, recognisers)
    head, *body = table.table(rows, METRICS, recognisers)
    cells = dict(zip(head, body[0], strict=True))
    return {name: cell for name, cell in cells.items() if name not in ("codec", "kbit/s")}


def note(path: Path, row: dict[str, str]) -> None:
    """A row more in the table."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    sys.exit(main())
