"""Fine-tuning of the bundled model from end to end against a jury that tells real from made.

Spectral losses alone give the mean of what could have been said, which sounds muffled; a jury
takes only one that could have been (HiFi-GAN, arXiv 2010.05646).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from codec.train.data import Speech
from codec.train.discriminators import Jury, feature_loss, jury_loss, persuasion_loss
from codec.train.lite import Training
from codec.train.losses import WordLoss


class AdversarialTraining(Training):
    """Model and jury in turn. Weights of the losses: `adversarial` in the configuration."""

    def __init__(
        self,
        config: dict[str, Any],
        teacher_dim: int,
        words: WordLoss | None = None,
        device: str = "cpu",
    ) -> None:
        weights = config["adversarial"]
        slower = config["training"] | {"learning_rate": weights["learning_rate"]}
        super().__init__(config | {"training": slower}, teacher_dim, words, device)
        self._persuasion_weight: float = weights["persuasion_weight"]
        self._feature_weight: float = weights["feature_weight"]
        self._crop = round(weights["crop_seconds"] * self.model.spec.output_rate)
        self._crops: int = weights["crops"]
        self.jury = Jury(weights["jury_width"]).to(self.device)
        self.modules["jury"] = self.jury
        self.optimise("jury_optimizer", list(self.jury.parameters()))

    def learn(self, batch: Speech, progress: float) -> dict[str, float]:
        """One step of the jury, one of the model."""
        speech = batch.to(self.device)
        losses, made = self.losses(speech)
        true, crop = self._cropped(speech.wanted[:, : made.shape[1]], made)
        with self.autocast():
            of_true = self.jury(true)
            verdict = jury_loss(of_true, self.jury(crop.detach()))
        self.descend("jury_optimizer", verdict, progress)
        self.jury.requires_grad_(False)
        with self.autocast():
            of_made = self.jury(crop)
        persuasion, feature = persuasion_loss(of_made), feature_loss(of_true, of_made)
        total = (
            self.total(losses)
            + self._persuasion_weight * persuasion
            + self._feature_weight * feature
        )
        self.descend("optimizer", total, progress)
        self.jury.requires_grad_(True)
        self.finish_step()
        losses |= {"jury": verdict, "persuasion": persuasion, "feature": feature}
        return {key: value.item() for key, value in losses.items()}

    def _cropped(self, true: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """The same random stretch of both, of as many of the batch as the jury sees."""
        room = true.shape[1] - self._crop
        start = int(torch.randint(0, max(room, 0) + 1, ()).item())
        seen = slice(self._crops), slice(start, start + self._crop)
        return true[seen], made[seen]
