"""What every stage of training shares: steps, a running average, checkpoints, a journal, a budget.

A stage is a subclass of `Stage` that says what one step learns. `run` takes it to the end of its
budget; stopped anywhere, it goes on from its last checkpoint.
"""

from __future__ import annotations

import csv
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from codec.safetensors_file import read_tensors


@dataclass(frozen=True)
class Optimisation:
    """How a stage's optimisers move: the part of a configuration that every stage has."""

    learning_rate: float
    warmup_steps: int
    cooldown_fraction: float
    ema: float
    clip: float
    betas: tuple[float, float] = (0.8, 0.98)
    weight_decay: float = 0.01

    def learning_rate_at(self, step: int, progress: float) -> float:
        """Up over the warm-up, level, and down to a fiftieth over the run's last part."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        cool = min(1.0, (1.0 - progress) / self.cooldown_fraction)
        return self.learning_rate * warm * max(cool, 0.02)


@dataclass(frozen=True)
class Budget:
    """A run ends after `steps` or after `hours` of wall time, whichever comes first."""

    steps: int
    hours: float

    def progress(self, step: int, seconds: float) -> float:
        """How far the run is, 0 to 1."""
        return min(1.0, max(step / self.steps, seconds / (self.hours * 3600.0)))


class Stage(ABC):
    """The state of one run: the model and what trains it, optimisers, running average, step.

    `model` is what the stage gives in the end; `beside` are modules needed in training only.
    """

    def __init__(
        self,
        config: dict[str, Any],
        optimisation: Optimisation,
        model: nn.Module,
        beside: dict[str, nn.Module],
        device: str = "cpu",
    ) -> None:
        self.config, self.optimisation, self.device = config, optimisation, torch.device(device)
        self.model = model.to(self.device)
        self.modules = {"model": model} | {k: m.to(self.device) for k, m in beside.items()}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self._paces: dict[str, float] = {}
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.step = 0

    @abstractmethod
    def learn(self, batch: Any, progress: float) -> dict[str, float]:
        """One step; `progress` is the run's, 0 to 1. Gives each loss."""

    @property
    @abstractmethod
    def seconds_per_step(self) -> float:
        """Seconds of audio in one step, for the speed in the journal."""

    def optimise(self, name: str, parameters: list[nn.Parameter], pace: float = 1.0) -> None:
        """Let an optimiser of that name move `parameters`, at `pace` times the learning rate."""
        self._paces[name] = pace
        self.optimizers[name] = torch.optim.AdamW(
            parameters,
            lr=self.optimisation.learning_rate,
            betas=self.optimisation.betas,
            weight_decay=self.optimisation.weight_decay,
            fused=True,
        )

    def descend(self, name: str, loss: Tensor, progress: float) -> None:
        """Let one optimiser take a step down `loss`."""
        optimizer = self.optimizers[name]
        rate = self._paces[name] * self.optimisation.learning_rate_at(self.step, progress)
        parameters = []
        for group in optimizer.param_groups:
            group["lr"] = rate
            parameters += group["params"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, self.optimisation.clip)
        optimizer.step()

    def finish_step(self) -> None:
        """Count the step and let the running average follow."""
        self.step += 1
        decay = min(self.optimisation.ema, self.step / (self.step + 100.0))
        with torch.no_grad():
            for key, value in self.model.state_dict().items():
                self.average[key].lerp_(value, 1.0 - decay)

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
            {k: v.contiguous().cpu() for k, v in tensors.items()},
            unfinished,
            {"config": json.dumps(self.config)},
        )
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        """Take up a saved run where it stopped. Raises a `CodecError` for a damaged file."""
        tensors = read_tensors(path)
        for name, module in self.modules.items():
            module.load_state_dict(part(tensors, name))
        average = part(tensors, "average")
        self.average = {key: value.to(self.device) for key, value in average.items()}
        for name, optimizer in self.optimizers.items():
            state = optimizer.state_dict()
            for key, value in part(tensors, name).items():
                index, quantity = key.split(".", 1)
                state["state"].setdefault(int(index), {})[quantity] = value
            optimizer.load_state_dict(state)
        self.step = int(tensors["step"].item())


def part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of one module of a checkpoint, by the names the module gives them."""
    prefix = name + "."
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


class Journal:
    """Says how the training goes: a line each `every` steps, and the same as a row of a CSV."""

    def __init__(self, path: Path, say: Callable[[str], None], every: int = 50) -> None:
        self._path, self._say, self._every = path, say, every
        self._begun = self._said = time.monotonic()
        self._sums: dict[str, float] = {}
        self._steps = 0

    def note(self, stage: Stage, losses: dict[str, float], progress: float) -> None:
        """Count one step; `progress` is the run's, 0 to 1."""
        for key, value in losses.items():
            self._sums[key] = self._sums.get(key, 0.0) + value
        self._steps += 1
        if self._steps == self._every:
            self._tell(stage, progress)

    def _tell(self, stage: Stage, progress: float) -> None:
        now = time.monotonic()
        means = {key: value / self._steps for key, value in self._sums.items()}
        left = (now - self._begun) * (1.0 - progress) / max(progress, 1e-6) / 60.0
        text = " ".join(f"{key} {value:.3f}" for key, value in means.items())
        speed = self._steps * stage.seconds_per_step / (now - self._said)
        self._say(f"step {stage.step} {text} | {speed:.0f} s/s, {left:.0f} min left")
        self._write({"step": float(stage.step), **means})
        self._said, self._steps, self._sums = now, 0, {}

    def _write(self, row: dict[str, float]) -> None:
        """A row of the CSV, under a head of names; another stage's rows begin a head of their own.

        So a file can be read on its own, whatever was trained into its folder.
        """
        head = ",".join(row)
        before = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        heads = [line for line in before if line.startswith("step,")]
        with open(self._path, "a", newline="", encoding="utf-8") as file:
            if not heads or heads[-1] != head:
                file.write(head + "\r\n")
            csv.writer(file).writerow([f"{value:g}" for value in row.values()])


def run(
    stage: Stage,
    batches: Callable[[np.random.Generator], Any],
    folder: Path,
    budget: Budget,
    *,
    seed: int = 0,
    save_every: float = 300.0,
    say: Callable[[str], None] = print,
) -> None:
    """Train until the budget ends or someone interrupts; the next batch is made meanwhile.

    A checkpoint is kept each `save_every` seconds and at the end, whatever the end is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / "last.safetensors"
    journal = Journal(folder / "losses.csv", say)
    random = np.random.default_rng(seed + stage.step)
    begun = saved = time.monotonic()
    first_step = stage.step
    ahead = ThreadPoolExecutor(1, thread_name_prefix="batches")
    coming = ahead.submit(batches, random)
    try:
        while True:
            progress = budget.progress(stage.step - first_step, time.monotonic() - begun)
            if progress >= 1.0:
                break
            batch, coming = coming.result(), ahead.submit(batches, random)
            losses = stage.learn(batch, progress)
            journal.note(stage, losses, progress)
            if time.monotonic() - saved > save_every:
                stage.save(last)
                saved = time.monotonic()
    finally:
        ahead.shutdown(cancel_futures=True)
        stage.save(last)
