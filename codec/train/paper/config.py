"""The one JSON file that configures all five stages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.errors import CodecError
from codec.spec import CHUNK_SAMPLES, INPUT_RATE
from codec.train.run import Optimisation

ORDER = ("decoder", "positional", "encoder", "quantizer", "joint")
"""The stages, in the order in which one begins from what the other made."""


class RecipeInvalid(CodecError):
    """The configuration of a training is not one that can be followed."""


@dataclass(frozen=True)
class PaperOptimisation(Optimisation):
    """With a rate that falls by `decay` every `epoch_steps`, and no cool-down where that is 0.

    The rate then depends on the step alone, so that a stopped run goes on as if it had not.
    """

    decay: float = 1.0
    epoch_steps: int = 1

    def learning_rate_at(self, step: int, progress: float) -> float:
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        cool = 1.0
        if self.cooldown_fraction > 0:
            cool = max(0.02, min(1.0, (1.0 - progress) / self.cooldown_fraction))
        return self.learning_rate * warm * cool * self.decay ** (step // self.epoch_steps)


@dataclass(frozen=True)
class SpeechRecipe:
    """Crops of `seconds`, each louder or softer by a random number of dB within `gain_db`."""

    seconds: float
    gain_db: tuple[float, float]
    readers: int
    """Threads that read files."""

    @property
    def samples(self) -> int:
        """Of a crop at 16 kHz: the whole chunks in `seconds`, one at least."""
        return max(1, int(self.seconds * INPUT_RATE) // CHUNK_SAMPLES) * CHUNK_SAMPLES


@dataclass(frozen=True)
class StageRecipe:
    """`steps` of `batch` crops; `weights` are those of the losses, by name."""

    batch: int
    steps: int
    weights: dict[str, Any]
    optimisation: PaperOptimisation


@dataclass(frozen=True)
class Recipe:
    """All of it. `bf16` says by kind of device whether bfloat16 is used; `delay_frames` is how
    many frames of 20 ms the decoder's wave lags the features it is made of."""

    model: dict[str, Any]
    speech: SpeechRecipe
    bf16: dict[str, bool]
    delay_frames: int
    jury_width: int
    stages: dict[str, StageRecipe]
    given: dict[str, Any]
    """As it stands in the file."""

    @staticmethod
    def from_dict(given: dict[str, Any]) -> Recipe:
        """Raises RecipeInvalid where something is missing or not known."""
        try:
            parts = dict(given)
            stages = {name: _stage(dict(parts["stages"][name])) for name in ORDER}
            if unknown := set(parts["stages"]) - set(ORDER):
                raise ValueError(f"there is no stage {min(unknown)!r}")
            parts |= {"speech": SpeechRecipe(**parts["speech"]), "stages": stages}
            return Recipe(**parts, given=given)
        except KeyError as error:
            raise RecipeInvalid(f"The training's configuration lacks {error}.") from error
        except (TypeError, ValueError) as error:
            raise RecipeInvalid(f"The training's configuration is not right: {error}.") from error

    @staticmethod
    def read(path: Path) -> Recipe:
        """Raises RecipeInvalid."""
        try:
            return Recipe.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise RecipeInvalid(f"{path} could not be read: {error}.") from error


def _stage(given: dict[str, Any]) -> StageRecipe:
    optimisation = dict(given.pop("optimisation"))
    optimisation["betas"] = tuple(optimisation["betas"])
    return StageRecipe(optimisation=PaperOptimisation(**optimisation), **given)
