"""Stage 3: the causal encoder learns to follow the teacher layer by layer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from codec.train.paper.config import Recipe, RecipeInvalid
from codec.train.paper.speech import Batch
from codec.train.paper.stage import PaperStage
from codec.train.paper.teacher import Teacher, layer_outputs


class EncoderStage(PaperStage):
    """MSE of every layer's output, by the weights `layers`, the last layer's being the last."""

    name = "encoder"

    def __init__(self, recipe: Recipe, teacher: Teacher, device: str = "cpu") -> None:
        super().__init__(recipe, teacher, device)
        layers = len(self.codec.encoder.encoder.layers)
        if len(self.settings.weights["layers"]) != layers:
            raise RecipeInvalid(f"The stage encoder needs {layers} weights, one a layer.")

    def learning(self) -> list[nn.Module]:
        return [self.codec.encoder]

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        wanted = self.taught(batch)[1:]
        with self.autocast():
            outputs = layer_outputs(self.codec.encoder, batch.heard)[1:]
        errors = torch.stack(
            [
                F.mse_loss(output.float(), target)
                for output, target in zip(outputs, wanted, strict=True)
            ]
        )
        loss = (errors * errors.new_tensor(self.settings.weights["layers"])).sum()
        self.descend("optimizer", loss, progress)
        self.finish_step()
        return {"layers": loss.item(), "last": errors[-1].item()}
