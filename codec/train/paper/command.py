"""`python -m codec.train paper` and `paper-export`."""

from __future__ import annotations

import argparse
import json
import time
from itertools import count
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from codec.model.config import FocalCodecConfig
from codec.safetensors_file import read_tensors
from codec.train.paper.config import ORDER, Recipe
from codec.train.paper.decoder import DecoderStage
from codec.train.paper.encoder import EncoderStage
from codec.train.paper.joint import JointStage
from codec.train.paper.positional import PositionalStage
from codec.train.paper.quantizer import QuantizerStage
from codec.train.paper.speech import Speech
from codec.train.paper.stage import CHECKPOINT, PaperStage
from codec.train.paper.teacher import Teacher
from codec.train.run import Budget, part, run
from codec.weights import CONFIG_FILE, WEIGHTS_FILE

DEFAULT_RECIPE = Path(__file__).parents[1] / "configs" / "focalcodec_4k.json"

STAGES: dict[str, type[PaperStage]] = {
    stage.name: stage
    for stage in (DecoderStage, PositionalStage, EncoderStage, QuantizerStage, JointStage)
}


def add(steps: Any) -> None:
    """Add the two commands to the subparsers `steps`; each sets `act`, arguments -> exit status."""
    train = steps.add_parser("paper", help="train FocalCodec-Stream in its five stages")
    train.add_argument("--stage", choices=[*ORDER, "all"], required=True)
    train.add_argument("--speech", type=Path, required=True, help="folder of sound files")
    train.add_argument("--teacher", type=Path, required=True, help="folder with WavLM-large")
    train.add_argument("--folder", type=Path, default=Path("runs/paper"))
    train.add_argument("--begin-from", type=Path, help="a stage's folder, or a model's")
    train.add_argument("--steps", type=int, help="in this run; by default to the stage's end")
    train.add_argument("--hours", type=float, default=1e6)
    train.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    train.set_defaults(act=_train)
    export_ = steps.add_parser("paper-export", help="write a stage's weights as a model folder")
    export_.add_argument("--stage", choices=ORDER, default=ORDER[-1])
    export_.add_argument("--folder", type=Path, default=Path("runs/paper"))
    export_.add_argument("--to", type=Path, required=True)
    export_.set_defaults(act=_export)
    for parser in (train, export_):
        # Not "config", which is the bundled model's and read before.
        parser.add_argument("--recipe", type=Path, default=DEFAULT_RECIPE)


def train(
    name: str,
    recipe: Recipe,
    teacher: Teacher,
    speech: Path,
    folder: Path,
    budget: Budget,
    *,
    device: str = "cpu",
    begin_from: Path | None = None,
) -> PaperStage:
    """Train one stage, `folder`/`name`, from its last checkpoint or from the stage before.

    It ends with the budget or with the recipe's steps. Raises a `CodecError`.
    """
    stage = STAGES[name](recipe, teacher, device)
    own = folder / name
    if (own / CHECKPOINT).exists():
        stage.resume(own / CHECKPOINT)
    elif begin_from is not None:
        stage.begin_from(begin_from)
    else:
        stage.begin(folder)
    steps = min(budget.steps, stage.settings.steps - stage.step)
    _say(f"Stage {name}, step {stage.step} of {stage.settings.steps}.")
    if steps <= 0:
        return stage
    output_rate = stage.codec.spec.output_rate
    crops = Speech(speech, recipe.speech, stage.settings.batch, output_rate)
    if name == "decoder" and crops.source_rate < output_rate:
        _say(
            f"The speech has {crops.source_rate} Hz, the decoder makes {output_rate}: above "
            f"{crops.source_rate // 2} Hz it will learn to be silent."
        )
    try:
        # Counted here, for a batch is made before the step that learns from it.
        numbers = count(stage.step)
        ends = Budget(steps, budget.hours)
        run(stage, lambda _: crops.batch(next(numbers)).to(stage.device), own, ends, say=_say)
    finally:
        crops.close()
    return stage


def export(stage: Path, recipe: Recipe, to: Path) -> None:
    """Write the averaged weights in a stage's folder as a model. Raises a `CodecError`."""
    average = part(read_tensors(stage / CHECKPOINT), "average")
    to.mkdir(parents=True, exist_ok=True)
    save_file(average, to / WEIGHTS_FILE)
    (to / WEIGHTS_FILE).chmod(0o644)  # A model is for everyone to read.
    hop = FocalCodecConfig.from_dict(recipe.model).decoder.hop_length
    config = recipe.model | {"delay_samples": recipe.delay_frames * hop}
    (to / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n")


def _train(arguments: argparse.Namespace) -> int:
    from codec.train.wavlm import wavlm

    recipe = Recipe.read(arguments.recipe)
    sizes = FocalCodecConfig.from_dict(recipe.model).encoder
    teacher = wavlm(arguments.teacher, sizes).to(arguments.device)
    torch.set_float32_matmul_precision("high")  # TensorFloat-32 where the device has it
    ends = time.monotonic() + arguments.hours * 3600.0
    names = ORDER if arguments.stage == "all" else (arguments.stage,)
    for name in names:
        hours = (ends - time.monotonic()) / 3600.0
        if hours <= 0:
            break
        stage = train(
            name,
            recipe,
            teacher,
            arguments.speech,
            arguments.folder,
            Budget(arguments.steps or recipe.stages[name].steps, hours),
            device=arguments.device,
            begin_from=arguments.begin_from if name == names[0] else None,
        )
        if stage.step < stage.settings.steps:
            break  # The next one begins when this one is done.
    return 0


def _export(arguments: argparse.Namespace) -> int:
    recipe = Recipe.read(arguments.recipe)
    export(arguments.folder / arguments.stage, recipe, arguments.to)
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
