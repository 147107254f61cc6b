"""What the five stages share: a codec of which a part learns, and a teacher."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from codec.errors import CodecError
from codec.model.focalcodec import FocalCodec
from codec.safetensors_file import read_tensors
from codec.spec import CODES_PER_SECOND, INPUT_RATE
from codec.train.paper.config import ORDER, Recipe
from codec.train.paper.losses import codebook_entropy, straight_through
from codec.train.paper.speech import Batch
from codec.train.paper.teacher import Teacher
from codec.train.run import Stage, part
from codec.weights import check_tensors, load

CHECKPOINT = "last.safetensors"


class StageMissing(CodecError):
    """The stage before has not been trained yet."""


class PaperStage(Stage):
    """A stage of the paper's training. The codec is whole in all of them; a part of it learns."""

    name: ClassVar[str]

    def __init__(self, recipe: Recipe, teacher: Teacher, device: str = "cpu") -> None:
        """The teacher must be on the device already. Weights are random before `begin`."""
        self.recipe, self.teacher = recipe, teacher
        self.settings = recipe.stages[self.name]
        self.codec = FocalCodec(recipe.model)
        self.delay = recipe.delay_frames * self.codec.spec.output_rate // CODES_PER_SECOND
        beside = self.beside()
        super().__init__(recipe.given, self.settings.optimisation, self.codec, beside, device)
        self.codec.requires_grad_(False)
        learning = [p for module in self.learning() for p in module.parameters()]
        for parameter in learning:
            parameter.requires_grad_(True)
        self.optimise("optimizer", learning)

    @abstractmethod
    def learning(self) -> list[nn.Module]:
        """The parts of the codec that learn."""

    def beside(self) -> dict[str, nn.Module]:
        """What is needed in training only."""
        return {}

    @property
    def seconds_per_step(self) -> float:
        return self.settings.batch * self.recipe.speech.samples / INPUT_RATE

    def begin(self, folder: Path) -> None:
        """Begin where the stage before ended, each stage in a folder of its name in `folder`.

        The first begins with the teacher's weights in the encoder. Raises StageMissing.
        """
        before = ORDER.index(self.name) - 1
        if before < 0:
            self.begin_anew()
        elif (folder / ORDER[before] / CHECKPOINT).exists():
            self.begin_from(folder / ORDER[before])
        else:
            raise StageMissing(
                f"The stage {self.name} begins from what the stage {ORDER[before]} made, and there "
                f"is nothing of it in {folder}. Train that one first (--stage {ORDER[before]}), or "
                "say with --begin-from where a model is."
            )

    def begin_from(self, folder: Path) -> None:
        """Begin with the averaged weights in a stage's folder, or with an exported model.

        Raises a `CodecError`, as where its sizes are not this one's.
        """
        checkpoint = folder / CHECKPOINT
        if checkpoint.exists():
            weights = part(read_tensors(checkpoint), "average")
        else:
            weights = load(folder).state_dict()
        check_tensors(self.codec.state_dict(), weights, folder)
        self.codec.load_state_dict(weights)
        self._average_anew()

    def begin_anew(self) -> None:
        """Begin with the teacher's weights in the encoder and random ones elsewhere."""
        self.codec.encoder.load_state_dict(self.teacher.student())
        # The refiner corrects nothing until its stage comes.
        nn.init.zeros_(self.codec.decompressor.refiner.out_proj.weight)
        nn.init.zeros_(self.codec.decompressor.refiner.out_proj.bias)
        blocks = self.codec.decoder.backbone.layers
        for name, parameter in blocks.named_parameters():
            if name.endswith("gamma"):  # as Vocos begins, so that depth does not add up
                nn.init.constant_(parameter, 1.0 / len(blocks))
        self._average_anew()

    def _average_anew(self) -> None:
        self.average = {k: v.detach().clone() for k, v in self.codec.state_dict().items()}

    def taught(self, batch: Batch) -> list[Tensor]:
        """The teacher's view, layer by layer; in float32, being what is aimed at."""
        with torch.no_grad():
            return self.teacher.features(batch.heard)

    def autocast(self) -> torch.autocast:
        """bfloat16 on the devices for which the recipe has it."""
        kind = self.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=self.recipe.bf16.get(kind, False))

    def through_codes(self, feats: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, T, dim) features -> what is left of them after the codes, and the entropy term.

        The signs pass their gradient straight through.
        """
        with self.autocast():
            lats, _ = self.codec.compressor(feats, None)
            lats = self.codec.quantizer.to_sphere(lats.float())
            qfeats, _ = self.codec.decompressor(straight_through(lats), None)
        return qfeats.float(), codebook_entropy(lats)
