"""Stage 1: the decoder learns to speak from the teacher's features, before a jury."""

from __future__ import annotations

from torch import nn

from codec.train.discriminators import jury_loss, persuasion_loss
from codec.train.paper.config import Recipe
from codec.train.paper.judges import HiFiJury
from codec.train.paper.losses import MelLoss, matching_loss
from codec.train.paper.speech import Batch
from codec.train.paper.stage import PaperStage
from codec.train.paper.teacher import Teacher


class DecoderStage(PaperStage):
    """Causal WaveNeXt from full-context features to the wave: hinge loss, what the jury notices,
    and log-mel, by the weights `adversarial`, `matching` and `mel`."""

    name = "decoder"

    def __init__(self, recipe: Recipe, teacher: Teacher, device: str = "cpu") -> None:
        super().__init__(recipe, teacher, device)
        self.optimise("jury_optimizer", list(self.jury.parameters()))

    def learning(self) -> list[nn.Module]:
        return [self.codec.decoder]

    def beside(self) -> dict[str, nn.Module]:
        self.jury = HiFiJury(self.recipe.jury_width)
        self.mel = MelLoss(self.codec.spec.output_rate)
        return {"jury": self.jury, "mel": self.mel}

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        """One step of the jury, one of the decoder."""
        features = self.taught(batch)[-1]
        with self.autocast():
            made, _ = self.codec.decoder(features, None)
        made = made.float()[:, self.delay :]
        true = batch.wanted[:, : made.shape[1]]
        with self.autocast():
            verdict = jury_loss(self.jury(true), self.jury(made.detach()))
        self.descend("jury_optimizer", verdict, progress)
        self.jury.requires_grad_(False)
        with self.autocast():
            of_true, of_made = self.jury(true), self.jury(made)
        losses = {
            "adversarial": persuasion_loss(of_made),
            "matching": matching_loss(of_true, of_made),
            "mel": self.mel(made, true),
        }
        total = sum(self.settings.weights[key] * loss for key, loss in losses.items())
        self.descend("optimizer", total, progress)
        self.jury.requires_grad_(True)
        self.finish_step()
        return {"jury": verdict.item()} | {key: loss.item() for key, loss in losses.items()}
