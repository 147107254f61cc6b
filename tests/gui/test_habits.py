"""Profile and sounds, chosen in the window."""

from __future__ import annotations

import re

import pytest

from app.core.profile import AUTO, PROFILE_NAMES, Profile, plan_of
from app.gui.habits import profile_in_words, profile_title
from app.net.cost import call_kbit
from tests.gui.conftest import Stage, until


@pytest.mark.parametrize("where", ["home", "call"])
def test_a_profile_is_chosen_and_explained(stage: Stage, where: str) -> None:
    async def story() -> None:
        if where == "call":
            stage.engine.talk()
            await until(lambda: stage.page is stage.window.call)
        habits = getattr(stage.window, where).habits
        assert habits.profile.currentData() == AUTO
        saver = habits.profile.findData("saver")
        habits.profile.setCurrentIndex(saver)
        habits.profile.activated.emit(saver)
        assert ("choose_profile", "saver") in stage.engine.asked
        assert habits.meaning.text() == profile_in_words("saver")
        other = stage.window.call if where == "home" else stage.window.home
        assert other.habits.profile.currentData() == "saver"

    stage.play(story())


def test_a_name_changed_in_a_call_is_told_at_once(stage: Stage) -> None:
    async def story() -> None:
        stage.engine.talk()
        await until(lambda: stage.page is stage.window.call)
        name = stage.window.call.name
        assert name.text() == "Ada"
        name.setFocus()
        name.setText(" Grace ")
        name.editingFinished.emit()
        assert ("set_name", "Grace") in stage.engine.asked
        assert stage.window.home.name.text() == "Grace"

    stage.play(story())


def test_the_sounds_are_switched(stage: Stage) -> None:
    async def story() -> None:
        cues = stage.window.home.habits.cues
        assert cues.isChecked()
        cues.click()
        assert ("set_cues", False) in stage.engine.asked
        assert not stage.window.call.habits.cues.isChecked()

    stage.play(story())


@pytest.mark.parametrize("profile", Profile)
def test_each_profile_tells_its_kbit_and_delay(profile: Profile) -> None:
    plan = plan_of(profile)
    words = profile_in_words(profile.value)
    assert f"about {call_kbit(plan, 16):.0f} kbit/s" in words
    delay = re.search(r"(\d+) ms", words)
    assert (int(delay[1]) if delay else 0) == (plan.new - 1) * 80


def test_every_name_has_a_title_and_a_sentence() -> None:
    assert len({profile_title(name) for name in PROFILE_NAMES}) == len(PROFILE_NAMES)
    assert len({profile_in_words(name) for name in PROFILE_NAMES}) == len(PROFILE_NAMES)
