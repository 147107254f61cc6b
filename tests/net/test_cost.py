"""The formulas against figures counted, which PROTOCOL.md has from benchmarks/wire_cost.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.core.profile import Profile, plan_of
from app.net.cost import added_delay, call_kbit, opus_bytes, opus_kbit, voice_kbit

PROTOCOL = Path(__file__).parents[2] / "PROTOCOL.md"


def documented(profile: Profile) -> tuple[float, float, float]:
    """Added delay in ms, wire counted and by formula, of a profile without loss."""
    row = re.compile(rf"^\| \**{profile.value}\** \|(.*)\|$", re.MULTILINE)
    found = row.search(PROTOCOL.read_text("utf-8"))
    assert found is not None
    cells = found[1].split("|")
    return float(cells[1]), float(cells[-2]), float(cells[-1])


@pytest.mark.parametrize("profile", Profile)
def test_the_formula_tells_what_was_counted(profile: Profile) -> None:
    plan = plan_of(profile)
    delay, counted, formula = documented(profile)
    assert added_delay(plan) * 1000 == pytest.approx(delay)
    assert voice_kbit(plan, 16) == pytest.approx(formula, abs=0.06)
    assert call_kbit(plan, 16) == pytest.approx(counted, rel=0.05)


def test_what_is_repeated_costs_and_who_is_not_answered_pays_no_acknowledgements() -> None:
    plan = plan_of(Profile.LOW_DELAY)
    assert voice_kbit(plan_of(Profile.LOW_DELAY, 1), 16) > voice_kbit(plan, 16)
    assert voice_kbit(plan, 16, both=False) < voice_kbit(plan, 16)
    assert voice_kbit(plan, 16, tuned=False) > voice_kbit(plan, 16)


def test_opus_over_srtp_is_110_bytes_fifty_times_a_second() -> None:
    assert opus_kbit() == pytest.approx(110 * 8 * 50 / 1000)
    assert opus_bytes(60.0) == 2 * 60 * 50 * 110
