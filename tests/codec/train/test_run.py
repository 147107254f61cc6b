"""Steps, budgets, journals and checkpoints, with a stage that learns to be zero."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from torch import nn

from codec.errors import CodecError
from codec.train.run import Budget, Optimisation, Stage, run

OPTIMISATION = Optimisation(1e-2, 2, 0.5, 0.9, 5.0)


class Shrinking(Stage):
    """Its weights learn to give nothing."""

    def __init__(self, losses: tuple[str, ...] = ("size",)) -> None:
        torch.manual_seed(0)
        super().__init__({"name": "shrinking"}, OPTIMISATION, nn.Linear(4, 4), {})
        self.optimise("optimizer", list(self.model.parameters()))
        self._losses = losses

    @property
    def seconds_per_step(self) -> float:
        return 1.0

    def learn(self, batch, progress):
        loss = self.model(batch).square().mean()
        self.descend("optimizer", loss, progress)
        self.finish_step()
        return dict.fromkeys(self._losses, loss.item())


def batches(random: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(random.standard_normal((3, 4)).astype(np.float32))


def test_run_keeps_to_its_budget_and_its_journal(tmp_path):
    stage = Shrinking()
    said: list[str] = []
    run(stage, batches, tmp_path / "run", Budget(100, 1.0), say=said.append)
    assert stage.step == 100
    assert [line.split()[1] for line in said] == ["50", "100"]
    with open(tmp_path / "run" / "losses.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["50", "100"]
    assert float(rows[1]["size"]) < float(rows[0]["size"])


def test_another_stage_in_the_same_folder_heads_its_own_rows(tmp_path):
    for losses in (("size",), ("size",), ("size", "jury")):
        run(Shrinking(losses), batches, tmp_path, Budget(50, 1.0), say=lambda text: None)
    lines = (tmp_path / "losses.csv").read_text().split()
    assert [line.split(",")[0] for line in lines] == ["step", "50", "50", "step", "50"]
    assert lines[3] == "step,size,jury"


def test_an_interrupted_run_keeps_its_last_step(tmp_path, monkeypatch):
    stage = Shrinking()
    learn = stage.learn

    def interrupted(*arguments):
        if stage.step == 3:
            raise KeyboardInterrupt
        return learn(*arguments)

    monkeypatch.setattr(stage, "learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(stage, batches, tmp_path, Budget(100, 1.0))
    again = Shrinking()
    again.resume(tmp_path / "last.safetensors")
    assert again.step == 3


def test_a_resumed_run_goes_on_bit_for_bit(tmp_path):
    given = [batches(np.random.default_rng(i)) for i in range(6)]
    whole, first, second = Shrinking(), Shrinking(), Shrinking()
    for batch in given:
        whole.learn(batch, 0.0)
    for batch in given[:3]:
        first.learn(batch, 0.0)
    first.save(tmp_path / "last.safetensors")
    second.resume(tmp_path / "last.safetensors")
    for batch in given[3:]:
        second.learn(batch, 0.0)
    for key, value in whole.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[key], value)
        assert torch.equal(second.average[key], whole.average[key])


def test_a_truncated_checkpoint_is_told(tmp_path):
    Shrinking().save(tmp_path / "last.safetensors")
    data = (tmp_path / "last.safetensors").read_bytes()
    (tmp_path / "last.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(CodecError, match=r"last\.safetensors"):
        Shrinking().resume(tmp_path / "last.safetensors")


def test_the_learning_rate_rises_stays_and_falls():
    rates = [OPTIMISATION.learning_rate_at(step, step / 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.5e-2)
    assert rates[1] == rates[50] == 1e-2
    assert rates[75] == pytest.approx(0.5e-2)
    assert rates[99] == pytest.approx(0.02e-2)
