"""Training of the bundled model: encoder, quantiser and decoder together, end to end."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from codec.model.lite import LiteCodec
from codec.safetensors_file import read_tensors
from codec.train.data import Crops
from codec.train.losses import SpectralLoss, bit_entropy, straight_through_signs
from codec.weights import load


@dataclass(frozen=True)
class Recipe:
    """The `training` part of a configuration file. Seconds are of audio, per crop."""

    batch: int
    seconds: float
    learning_rate: float
    warmup_steps: int
    cooldown_fraction: float
    ema: float
    clip: float
    entropy_weight: float
    teacher_weight: float
    teacher_layer: int
    mel_weight: float
    stft_weight: float
    bf16: bool


@dataclass(frozen=True)
class Budget:
    """A run ends after `steps` or after `hours` of wall time, whichever comes first."""

    steps: int
    hours: float

    def progress(self, step: int, seconds: float) -> float:
        """How far the run is, 0 to 1."""
        return min(1.0, max(step / self.steps, seconds / (self.hours * 3600.0)))


class Heads(nn.Module):
    """What is needed in training only: a view of the features as the teacher's."""

    def __init__(self, dim: int, teacher_dim: int) -> None:
        super().__init__()
        self.teacher = nn.Linear(dim, teacher_dim)


@dataclass(frozen=True)
class Losses:
    """One step's losses, each already averaged over the batch."""

    mel: Tensor
    stft: Tensor
    teacher: Tensor
    entropy: Tensor

    def total(self, recipe: Recipe) -> Tensor:
        """Their weighted sum."""
        return (
            recipe.mel_weight * self.mel
            + recipe.stft_weight * self.stft
            + recipe.teacher_weight * self.teacher
            + recipe.entropy_weight * self.entropy
        )


class Training:
    """The state of one run: model, heads, optimiser, running average, step."""

    def __init__(self, config: dict[str, Any], teacher_dim: int) -> None:
        self.config = config
        self.recipe = Recipe(**config["training"])
        self.model = LiteCodec(config["model"])
        self.heads = Heads(config["model"]["decoder_dim"], teacher_dim)
        self.spectral = SpectralLoss()
        self.modules: dict[str, nn.Module] = {"model": self.model, "heads": self.heads}
        self.optimizers = {
            "optimizer": torch.optim.AdamW(
                self.trained(),
                lr=self.recipe.learning_rate,
                betas=(0.8, 0.98),
                weight_decay=0.01,
            )
        }
        self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.step = 0

    def trained(self) -> list[nn.Parameter]:
        """The parameters that learn."""
        return [*self.model.parameters(), *self.heads.parameters()]

    def losses(self, sig: Tensor, teacher: Tensor) -> tuple[Losses, Tensor]:
        """(batch, samples) speech and its (batch, frames, dim) teacher features.

        Gives the losses and the wave that was made, aligned with all of `sig` but its end.
        """
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
            lats, _ = self.model.latents(sig)
            qfeats, _ = self.model.decompress(straight_through_signs(lats))
            made, _ = self.model.vocode(qfeats)
            seen = self.heads.teacher(qfeats)
        made = made[:, self.model.spec.delay_samples :].float()
        mel, stft = self.spectral(made, sig[:, : made.shape[1]])
        entropy = bit_entropy(lats, 4.0)
        return Losses(mel, stft, F.mse_loss(seen.float(), teacher), entropy), made

    def learn(self, sig: Tensor, teacher: Tensor, progress: float) -> dict[str, float]:
        """One optimiser step; `progress` is the run's, 0 to 1. Gives each loss."""
        losses, _ = self.losses(sig, teacher)
        self.descend("optimizer", losses.total(self.recipe), self.trained(), progress)
        self.finish_step()
        return {key: value.item() for key, value in vars(losses).items()}

    def descend(
        self, name: str, loss: Tensor, parameters: list[nn.Parameter], progress: float
    ) -> None:
        """Let one optimiser take a step down `loss`."""
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self._schedule(progress)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, self.recipe.clip)
        optimizer.step()

    def finish_step(self) -> None:
        """Count the step and let the running average follow."""
        self.step += 1
        decay = min(self.recipe.ema, self.step / (self.step + 100.0))
        with torch.no_grad():
            for key, value in self.model.state_dict().items():
                self.average[key].lerp_(value, 1.0 - decay)

    def _schedule(self, progress: float) -> float:
        warm = min(1.0, (self.step + 1) / self.recipe.warmup_steps)
        cool = min(1.0, (1.0 - progress) / self.recipe.cooldown_fraction)
        return warm * max(cool, 0.02)

    def save(self, path: Path) -> None:
        """Everything needed to go on, in one safetensors file; whole or not at all."""
        tensors = {f"average.{k}": v for k, v in self.average.items()}
        for name, module in self.modules.items():
            tensors |= {f"{name}.{k}": v for k, v in module.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        tensors["step"] = torch.tensor(self.step)
        unfinished = path.with_suffix(".part")
        save_file(
            {k: v.contiguous() for k, v in tensors.items()},
            unfinished,
            {"config": json.dumps(self.config)},
        )
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        """Take up a saved run where it stopped. Raises a `CodecError` for a damaged file."""
        tensors = read_tensors(path)
        for name, module in self.modules.items():
            module.load_state_dict(_part(tensors, name))
        self.average = _part(tensors, "average")
        for name, optimizer in self.optimizers.items():
            state = optimizer.state_dict()
            for key, value in _part(tensors, name).items():
                index, quantity = key.split(".", 1)
                state["state"].setdefault(int(index), {})[quantity] = value
            optimizer.load_state_dict(state)
        self.step = int(tensors["step"].item())

    def begin_from(self, folder: Path) -> None:
        """Begin a run of its own with the averaged weights of another, or with an exported model.

        Raises a `CodecError`. Of an exported model the heads begin anew.
        """
        checkpoint = folder / "last.safetensors"
        if checkpoint.exists():
            tensors = read_tensors(checkpoint)
            self.heads.load_state_dict(_part(tensors, "heads"))
            weights = _part(tensors, "average")
        else:
            weights = load(folder).state_dict()
        self.model.load_state_dict(weights)
        self.average = {key: value.clone() for key, value in weights.items()}


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = name + "."
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


class Journal:
    """Says how the training goes: a line each `every` steps, and the same as a row of a CSV."""

    def __init__(self, path: Path, say: Callable[[str], None], every: int = 50) -> None:
        self._path, self._say, self._every = path, say, every
        self._begun = self._said = time.monotonic()
        self._sums: dict[str, float] = {}
        self._steps = 0

    def note(self, training: Training, losses: dict[str, float], progress: float) -> None:
        """Count one step; `progress` is the run's, 0 to 1."""
        for key, value in losses.items():
            self._sums[key] = self._sums.get(key, 0.0) + value
        self._steps += 1
        if self._steps == self._every:
            self._tell(training, progress)

    def _tell(self, training: Training, progress: float) -> None:
        now = time.monotonic()
        means = {key: value / self._steps for key, value in self._sums.items()}
        audio = self._steps * training.recipe.batch * training.recipe.seconds
        left = (now - self._begun) * (1.0 - progress) / max(progress, 1e-6) / 60.0
        text = " ".join(f"{key} {value:.3f}" for key, value in means.items())
        speed = audio / (now - self._said)
        self._say(f"step {training.step} {text} | {speed:.0f} s/s, {left:.0f} min left")
        with open(self._path, "a", newline="") as file:
            csv.writer(file).writerow([training.step, *means.values()])
        self._said, self._steps, self._sums = now, 0, {}


def run(
    training: Training,
    crops: Crops,
    folder: Path,
    budget: Budget,
    *,
    seed: int = 0,
    save_every: float = 300.0,
    say: Callable[[str], None] = print,
) -> None:
    """Train until the budget ends or someone interrupts.

    A checkpoint is kept each `save_every` seconds and at the end, whatever the end is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / "last.safetensors"
    journal = Journal(folder / "losses.csv", say)
    random = np.random.default_rng(seed + training.step)
    begun = saved = time.monotonic()
    first_step = training.step
    try:
        while True:
            progress = budget.progress(training.step - first_step, time.monotonic() - begun)
            if progress >= 1.0:
                break
            sig, teacher = crops.batch(training.recipe.batch, training.recipe.seconds, random)
            gain = torch.from_numpy(random.uniform(-15, 6, (len(sig), 1)).astype(np.float32))
            losses = training.learn((sig * 10 ** (gain / 20)).clamp(-1, 1), teacher, progress)
            journal.note(training, losses, progress)
            if time.monotonic() - saved > save_every:
                training.save(last)
                saved = time.monotonic()
    finally:
        training.save(last)
