from __future__ import annotations

from typing import Any

from app.core.models import ModelOffer
from app.core.overload import Step, Strain
from app.core.state import Notice
from app.engine.model import OwnModel
from app.engine.relief import Relief

LIGHTER = OwnModel("bundled", "undertone-1", ModelOffer(1, 7))


class Busy:
    """A call on a machine whose strain is set by hand, and what it was told to do."""

    threads = 2

    def __init__(self) -> None:
        self.now, self.strained = 0.0, Strain()
        self.steps: list[Step] = []
        self.said: list[Notice] = []
        self.asked: list[OwnModel] = []
        self.relief = Relief(
            lambda: self.now,
            self,  # type: ignore[arg-type]
            lighter=lambda: LIGHTER,
            change=self.asked.append,
            say=self.said.append,
        )

    def strain(self) -> Strain:
        return self.strained

    def give_way(self, step: Step) -> None:
        self.steps.append(step)

    def goes_on(self, seconds: int, **strain: Any) -> None:
        self.strained = Strain(**strain)
        for _ in range(seconds):
            self.now += 1.0
            self.relief.look()


def test_each_step_is_done_and_told() -> None:
    busy = Busy()
    busy.goes_on(30, encode=0.95)
    assert busy.steps == [
        Step.LARGER_PIECES,
        Step.FEWER_THREADS,
        Step.LIGHTER_MODEL,
        Step.NOTHING_LEFT,
    ]
    assert [each.severity for each in busy.said] == ["warning"] * 4
    assert busy.asked == [LIGHTER]
    assert "undertone-1" in busy.said[2].text


def test_another_model_begins_anew_with_its_cores_back() -> None:
    busy = Busy()
    busy.goes_on(20, encode=0.95)
    busy.relief.changed()
    assert busy.steps[-1] is Step.LARGER_PIECES
    busy.goes_on(70, encode=0.1)
    assert busy.steps[-1] is Step.NONE
    assert busy.said[-1].severity == "info"


def test_a_machine_that_keeps_up_is_left_alone() -> None:
    busy = Busy()
    busy.goes_on(100, encode=0.6, decode=0.3)
    assert (busy.steps, busy.said) == ([], [])
