"""Fine-tuning of the bundled model's decoder against a jury, on codes that stay as they are.

The encoder is frozen: what the codes mean does not change, so old and new decoders understand
each other's speakers, and each step costs only the decoder's gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from codec.train.discriminators import Jury, feature_loss, jury_loss, persuasion_loss
from codec.train.lite import Training


class AdversarialTraining(Training):
    """Decoder and jury in turn. Weights of the losses: `adversarial` in the configuration."""

    def __init__(self, config: dict[str, Any], teacher_dim: int) -> None:
        super().__init__(config, teacher_dim)
        weights = config["adversarial"]
        self._persuasion_weight: float = weights["persuasion_weight"]
        self._feature_weight: float = weights["feature_weight"]
        self._crop = round(weights["crop_seconds"] * 16_000)
        self.jury = Jury(weights["jury_width"])
        self.modules["jury"] = self.jury
        self.optimizers["jury_optimizer"] = torch.optim.AdamW(
            self.jury.parameters(), lr=self.recipe.learning_rate, betas=(0.8, 0.98)
        )

    def trained(self) -> list[nn.Parameter]:
        for part in (self.model.encoder_in, self.model.encoder, self.model.encoder_norm):
            part.requires_grad_(False)
        self.model.encoder_out.requires_grad_(False)
        learning = [*self.model.parameters(), *self.heads.parameters()]
        return [parameter for parameter in learning if parameter.requires_grad]

    def learn(self, sig: Tensor, teacher: Tensor, progress: float) -> dict[str, float]:
        """One step of the jury, one of the decoder."""
        losses, made = self.losses(sig, teacher)
        true, crop = self._cropped(sig[:, : made.shape[1]], made)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
            verdict = jury_loss(self.jury(true), self.jury(crop.detach()))
        self.descend("jury_optimizer", verdict, list(self.jury.parameters()), progress)
        self.jury.requires_grad_(False)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
            of_made = self.jury(crop)
            with torch.no_grad():
                of_true = self.jury(true)
        persuasion, feature = persuasion_loss(of_made), feature_loss(of_true, of_made)
        total = (
            losses.total(self.recipe)
            + self._persuasion_weight * persuasion
            + self._feature_weight * feature
        )
        self.descend("optimizer", total, self.trained(), progress)
        self.jury.requires_grad_(True)
        self.finish_step()
        said = {key: value.item() for key, value in vars(losses).items()}
        said |= {"jury": verdict.item(), "persuasion": persuasion.item()}
        return said | {"feature": feature.item()}

    def _cropped(self, true: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """The same random stretch of both."""
        room = true.shape[1] - self._crop
        start = int(torch.randint(0, max(room, 0) + 1, ()).item())
        return true[:, start : start + self._crop], made[:, start : start + self._crop]
