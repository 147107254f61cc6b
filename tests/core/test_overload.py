from __future__ import annotations

import pytest

from app.core.overload import Given, Overload, Patience, Remedies, Step, Strain

ALL = Remedies(threads=2, lighter="bundled")
BUSY, EASY, HOPELESS = Strain(encode=0.95), Strain(encode=0.3), Strain(decode=1.4)


class Machine:
    """An overload that is looked at once a second of a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.overload = Overload(lambda: self.now)

    def goes_on(self, strain: Strain, seconds: int, remedies: Remedies = ALL) -> list[Step]:
        """The steps that follow in so many seconds."""
        return [given.step for given in self.told(strain, seconds, remedies)]

    def told(self, strain: Strain, seconds: int, remedies: Remedies = ALL) -> list[Given]:
        found = []
        for _ in range(seconds):
            self.now += 1.0
            if (given := self.overload.see(strain, remedies)) is not None:
                found.append(given)
        return found


def test_a_machine_that_keeps_up_is_left_alone() -> None:
    machine = Machine()
    assert machine.goes_on(Strain(encode=0.7, decode=0.85), 600) == []
    assert machine.overload.step is Step.NONE


def test_a_moment_of_strain_is_no_reason() -> None:
    machine = Machine()
    for _ in range(20):
        assert machine.goes_on(BUSY, 2) == []
        assert machine.goes_on(EASY, 2) == []


def test_strain_that_comes_and_goes_without_ease_counts_as_one() -> None:
    machine = Machine()
    machine.goes_on(EASY, 10)
    between = Strain(encode=0.8)
    assert machine.goes_on(BUSY, 1) + machine.goes_on(between, 3) == []
    assert machine.goes_on(BUSY, 1) == [Step.LARGER_PIECES]


def test_steps_come_one_by_one_each_with_a_sentence() -> None:
    given = Machine().told(BUSY, 60)
    assert [each.step for each in given] == [
        Step.LARGER_PIECES,
        Step.FEWER_THREADS,
        Step.LIGHTER_MODEL,
        Step.NOTHING_LEFT,
    ]
    assert "bundled" in given[2].words
    assert len({each.words for each in given}) == 4


def test_a_step_has_time_to_show_what_it_brings() -> None:
    machine = Machine()
    machine.goes_on(EASY, 10)
    assert machine.goes_on(BUSY, 4) == [Step.LARGER_PIECES]
    assert machine.goes_on(BUSY, 4) == []
    assert machine.goes_on(BUSY, 3) == [Step.FEWER_THREADS]


@pytest.mark.parametrize(
    ("remedies", "steps"),
    [
        (Remedies(1, "bundled"), [Step.LARGER_PIECES, Step.LIGHTER_MODEL, Step.NOTHING_LEFT]),
        (Remedies(4), [Step.LARGER_PIECES, Step.FEWER_THREADS, Step.NOTHING_LEFT]),
        (Remedies(), [Step.LARGER_PIECES, Step.NOTHING_LEFT]),
    ],
)
def test_a_step_that_cannot_be_taken_is_passed_over(remedies: Remedies, steps: list[Step]) -> None:
    assert Machine().goes_on(BUSY, 60, remedies) == steps


def test_where_there_is_no_time_at_all_only_a_lighter_model_helps() -> None:
    assert Machine().goes_on(HOPELESS, 7) == [Step.LIGHTER_MODEL]


def test_what_is_late_is_laid_to_the_machine_only_if_it_works_hard() -> None:
    machine = Machine()
    for count in range(30):
        assert machine.goes_on(Strain(decode=0.3, underruns=count), 1) == []
    assert machine.goes_on(Strain(encode=0.3, behind=0.5), 30) == []
    assert machine.goes_on(Strain(encode=0.7, behind=0.5), 5) == [Step.LARGER_PIECES]


def test_underruns_count_while_they_go_on() -> None:
    machine = Machine()
    machine.goes_on(Strain(decode=0.7, underruns=3), 20)
    steps = []
    for count in range(4, 9):
        steps += machine.goes_on(Strain(decode=0.7, underruns=count), 1)
    assert steps == [Step.LARGER_PIECES]


def test_steps_are_taken_back_after_a_long_calm_and_the_next_time_a_longer_one() -> None:
    machine = Machine()
    machine.goes_on(BUSY, 12)
    assert machine.overload.step is Step.FEWER_THREADS
    given = machine.told(EASY, 60 + 120 + 10)
    assert [each.step for each in given] == [Step.LARGER_PIECES, Step.NONE]
    assert all("keeps up again" in each.words for each in given)
    machine.goes_on(BUSY, 6, Remedies())
    assert machine.goes_on(EASY, 200) == []
    assert machine.goes_on(EASY, 60) == [Step.NONE]


def test_the_wait_has_an_end() -> None:
    machine = Machine()
    for _ in range(8):
        machine.goes_on(BUSY, 6, Remedies())
        assert machine.goes_on(EASY, int(Patience().longest) + 10) == [Step.NONE]


def test_a_lighter_model_stays_and_begins_anew() -> None:
    machine = Machine()
    machine.goes_on(BUSY, 8, Remedies(lighter="bundled"))
    machine.goes_on(BUSY, 6, Remedies(lighter="bundled"))
    assert machine.overload.step is Step.LIGHTER_MODEL
    assert machine.goes_on(EASY, 1000, Remedies()) == []
    machine.overload.begin_anew()
    assert machine.overload.step is Step.LARGER_PIECES
    assert machine.goes_on(EASY, 61, Remedies()) == [Step.NONE]


def test_a_model_that_did_not_come_about_leaves_it_at_telling() -> None:
    machine = Machine()
    machine.goes_on(HOPELESS, 7, Remedies(lighter="bundled"))
    assert machine.goes_on(HOPELESS, 20, Remedies(lighter="bundled")) == [Step.NOTHING_LEFT]
    assert machine.goes_on(HOPELESS, 600) == []
