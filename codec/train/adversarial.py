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

PULLS = ("word", "persuasion", "feature")
QUIET = 1e-3
"""RMS below which a crop is left as quiet as it is."""


class AdversarialTraining(Training):
    """Model and jury in turn; `adversarial` in the configuration says how hard each part pulls.

    A jury that cannot tell (its loss is 2) pulls nowhere in particular, so it pulls as far as it
    can tell. It costs more than all the rest of a step, and sits in one of `jury_every` steps; in
    the others the model learns without it.
    """

    def __init__(
        self,
        config: dict[str, Any],
        teacher_dim: int,
        words: WordLoss | None = None,
        device: str = "cpu",
    ) -> None:
        settings = config["adversarial"]
        slower = config["training"] | {"learning_rate": settings["learning_rate"]}
        super().__init__(config | {"training": slower}, teacher_dim, words, device)
        self._pull = {name: float(settings[f"{name}_pull"]) for name in PULLS}
        self._every: int = settings["jury_every"]
        self._judgement: dict[str, float] = {}
        self._crops: int = settings["crops"]
        self._crop = round(settings["crop_seconds"] * self.model.spec.output_rate)
        self.jury = Jury(settings["jury_width"]).to(self.device)
        self.modules["jury"] = self.jury
        self.optimise("jury_optimizer", list(self.jury.parameters()), settings["jury_pace"])

    def learn(self, batch: Speech, progress: float) -> dict[str, float]:
        """One step of the jury, when it sits, and one of the model."""
        if self._judgement and self.step % self._every:
            return super().learn(batch, progress) | self._judgement
        speech = batch.to(self.device)
        losses, made = self.losses(speech)
        words = {name: loss for name, loss in losses.items() if name == "word"}
        true, crop = self._cropped(speech.wanted[:, : made.shape[1]], made)
        with self.autocast():
            of_true = self.jury(true)
            verdict = jury_loss(of_true, self.jury(crop.detach()))
        self.descend("jury_optimizer", verdict, progress)
        self.jury.requires_grad_(False)
        with self.autocast():
            of_made = self.jury(crop)
        judged = {
            "persuasion": persuasion_loss(of_made),
            "feature": feature_loss(of_true, of_made),
        }
        trust = (2.0 - verdict.detach()).clamp(0.0, 1.0)
        pulls = {name: self._pull[name] * trust for name in judged} | {
            name: torch.tensor(self._pull[name]) for name in words
        }
        self.descend("optimizer", self._balanced(losses, words | judged, pulls, made), progress)
        self.jury.requires_grad_(True)
        self.finish_step()
        judgement = {"jury": verdict} | judged
        self._judgement = {key: value.item() for key, value in judgement.items()}
        return {key: value.item() for key, value in losses.items()} | self._judgement

    def _balanced(
        self,
        losses: dict[str, Tensor],
        judged: dict[str, Tensor],
        pulls: dict[str, Tensor],
        made: Tensor,
    ) -> Tensor:
        """A loss whose gradient has each of `judged` pull as hard as it is meant to.

        A pull is the length of that gradient at the wave, in units of what the spectral losses
        pull there (as EnCodec's balancer, arXiv 2210.13438): a jury's own scale changes as it
        learns.
        """
        inner = {name: losses[name] for name in ("teacher", "entropy")}
        spectral = self.total({name: losses[name] for name in ("mel", "stft", "voice")})
        pull = torch.autograd.grad(spectral, made, retain_graph=True)[0]
        length = torch.linalg.vector_norm(pull)
        for name, loss in judged.items():
            other = torch.autograd.grad(loss, made, retain_graph=True)[0]
            scale = length / torch.linalg.vector_norm(other).clamp_min(1e-12)
            pull = pull + pulls[name] * scale * other
        return self.total(inner) + (made * pull).sum()

    def _cropped(self, true: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """The same random stretch of both, of as many of the batch as the jury sees.

        Both are amplified until the true one has an RMS of 1: at the level of speech, a twentieth,
        the judges' first layers hardly stir, and in 450 steps they had learnt nothing.
        """
        room = true.shape[1] - self._crop
        start = int(torch.randint(0, max(room, 0) + 1, ()).item())
        seen = slice(self._crops), slice(start, start + self._crop)
        level = true[seen].square().mean(1, keepdim=True).sqrt().clamp_min(QUIET)
        return true[seen] / level, made[seen] / level
