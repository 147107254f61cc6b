"""`python -m codec.train`: prepare speech, train the bundled model, export it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from codec.errors import CodecError
from codec.train.paper import command

if TYPE_CHECKING:
    from codec.train import data
    from codec.train.losses import WordLoss

TEACHER_HELP = "a CTranslate2 Whisper-base model.bin"
DEFAULT_CONFIG = Path(__file__).parent / "configs" / "bundled.json"


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run one step of the training; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m codec.train", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch likes")
    steps = parser.add_subparsers(dest="step", required=True)
    _add_run(steps)
    prepare = steps.add_parser("prepare", help="decode the speech, cache the teacher's features")
    prepare.add_argument("--speech", type=Path, required=True, help="folder with index.tsv")
    prepare.add_argument("--cache", type=Path, default=Path("runs/cache"))
    prepare.add_argument("--teacher", type=Path, help=TEACHER_HELP)
    prepare.set_defaults(act=_prepare)
    export = steps.add_parser("export", help="write the averaged weights as a model folder")
    export.add_argument("--folder", type=Path, default=Path("runs/bundled"))
    export.add_argument("--to", type=Path, default=Path("assets/model"))
    export.add_argument(
        "--beside", type=Path, help="keep the teacher's head and the jury in this file, in float16"
    )
    export.set_defaults(act=_export)
    command.add(steps)
    arguments = parser.parse_args(argv)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    # A polite kill, as a scheduler sends, keeps the last step just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return arguments.act(arguments)
    except CodecError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the last checkpoint is kept.", file=sys.stderr)
        return 130


def _add_run(steps: Any) -> None:
    train = steps.add_parser("run", help="train; goes on from the folder's last checkpoint")
    train.add_argument("--teacher", type=Path, help=TEACHER_HELP)
    train.add_argument("--cache", type=Path, default=Path("runs/cache"))
    train.add_argument("--folder", type=Path, default=Path("runs/bundled"))
    train.add_argument(
        "--stage",
        choices=["whole", "adversarial"],
        default="whole",
        help="whole: all of it by spectra and teacher; adversarial: the same against a jury",
    )
    train.add_argument("--begin-from", type=Path, help="another run's folder, or a model's")
    train.add_argument(
        "--beside", type=Path, help="what `export --beside` kept, for a model begun from"
    )
    train.add_argument(
        "--order-bits",
        action="store_true",
        help="the model begun from has one rate: put its bits in order of what they tell",
    )
    train.add_argument("--device", default="cpu", help="cpu or cuda")
    train.add_argument("--steps", type=int, default=1_000_000)
    train.add_argument("--hours", type=float, default=1e6)
    train.add_argument(
        "--cooldown", type=float, help="share of this run in which the learning rate falls"
    )
    train.set_defaults(act=_run)


def _config(arguments: argparse.Namespace) -> dict[str, Any]:
    return json.loads(arguments.config.read_text())


def _prepare(arguments: argparse.Namespace) -> int:
    from codec.train import data, teacher

    encoder = teacher.whisper_base(arguments.teacher)
    layer = _config(arguments)["training"]["teacher_layer"]
    data.prepare(arguments.speech, arguments.cache, encoder, layer)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from codec.train import adversarial, data, lite
    from codec.train.augment import Augmentation
    from codec.train.run import Budget, run
    from codec.train.teacher import WHISPER_BASE_DIM

    config = _config(arguments)
    if arguments.cooldown is not None:
        config["training"]["cooldown_fraction"] = arguments.cooldown
    stages = {"whole": lite.Training, "adversarial": adversarial.AdversarialTraining}
    crops = data.load(arguments.cache, WHISPER_BASE_DIM)
    words = word_loss(config["training"], arguments.teacher, crops, arguments.device)
    training = stages[arguments.stage](config, WHISPER_BASE_DIM, words, arguments.device)
    augmentation = Augmentation(**config["augmentation"])
    recipe = training.recipe

    def batch(random: np.random.Generator) -> data.Speech:
        return crops.batch(recipe.batch, recipe.seconds, random, augmentation)

    last = arguments.folder / "last.safetensors"
    if last.exists():
        training.resume(last)
        print(f"Going on from step {training.step}.")
    elif arguments.begin_from is not None:
        training.begin_from(arguments.begin_from, arguments.beside)
        if arguments.order_bits:
            training.order_bits(batch(np.random.default_rng(0)))
    budget = Budget(arguments.steps, arguments.hours)
    run(training, batch, arguments.folder, budget, say=lambda text: print(text, flush=True))
    return 0


def word_loss(
    settings: dict[str, Any], path: Path | None, crops: data.Crops, device: str
) -> WordLoss | None:
    """The judge of the output's words, where `settings`, the recipe's, give words a weight.

    `path` is the teacher's, None for the packages'. Raises TeacherMissing or TeacherUnreadable.
    """
    from codec.train import losses, teacher

    if not settings["word_weight"]:
        return None
    encoder = teacher.whisper_base(path).to(torch.device(device))
    if settings["bf16"]:
        encoder.halve()
    deviation = torch.from_numpy(crops.deviation).to(device)
    return losses.WordLoss(encoder, settings["teacher_layer"], deviation)


def _export(arguments: argparse.Namespace) -> int:
    from safetensors.torch import save_file

    from codec.safetensors_file import read_tensors
    from codec.train.run import part
    from codec.weights import quantized_int8

    tensors = read_tensors(arguments.folder / "last.safetensors")
    arguments.to.mkdir(parents=True, exist_ok=True)
    save_file(quantized_int8(part(tensors, "average")), arguments.to / "model.safetensors")
    (arguments.to / "model.safetensors").chmod(0o644)  # A model is for everyone to read.
    (arguments.to / "config.json").write_text(
        json.dumps(_config(arguments)["model"], indent=2) + "\n"
    )
    if arguments.beside is not None:
        beside = {k: v.half() for k, v in tensors.items() if k.startswith(("heads.", "jury."))}
        save_file(beside, arguments.beside)
    return 0


if __name__ == "__main__":
    sys.exit(main())
