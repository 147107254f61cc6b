"""What is chosen before a call or in it: the profile of the line, and sounds for what happens."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QWidget

from app.core.profile import AUTO, PROFILE_NAMES, Plan, Profile, plan_of, profile_named
from app.core.settings import Settings
from app.gui.bridge import Bridge
from app.gui.card import caption
from app.gui.choice import Choice, labelled
from app.net.cost import added_delay, call_kbit

_BITS = 16
"""Of a code of the bundled model; others differ by less than these sentences tell."""

_TITLES = {
    AUTO: "Automatic",
    Profile.LOW_DELAY.value: "Low delay",
    Profile.BALANCED.value: "Balanced",
    Profile.SAVER.value: "Saver",
}


def profile_title(name: str) -> str:
    """A profile's name as the window writes it; what is not known as it stands."""
    return _TITLES.get(name, name)


def profile_in_words(name: str) -> str:
    """What choosing a profile means for delay and kbit/s, in a sentence."""
    profile = profile_named(name)
    if profile is None:
        thrifty, quick = plan_of(Profile.SAVER), plan_of(Profile.LOW_DELAY)
        return (
            f"The line decides, between {_kbit(thrifty)} and {_kbit(quick)} kbit/s each way and up "
            f"to {_delay(thrifty)} ms of delay."
        )
    plan = plan_of(profile)
    costs = f"about {_kbit(plan)} kbit/s each way while both talk"
    match profile:
        case Profile.LOW_DELAY:
            return f"No delay added; {costs}."
        case Profile.BALANCED:
            return f"{_delay(plan)} ms of delay added; {costs}."
        case Profile.SAVER:
            return f"{_delay(plan)} ms of delay added and a coarser voice; {costs}."


def _kbit(plan: Plan) -> str:
    return f"{call_kbit(plan, _BITS):.0f}"


def _delay(plan: Plan) -> str:
    return f"{added_delay(plan) * 1000:.0f}"


class Habits(QWidget):
    """A list of profiles with what the chosen one means, and a switch for the sounds."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self.profile = Choice("Profile")
        for name in PROFILE_NAMES:
            self.profile.addItem(profile_title(name), name)
        self.meaning = caption()
        self.cues = QCheckBox("Short sounds when something happens")
        grid = labelled(self, "gauge", "Profile", self.profile, self.meaning)
        grid.addWidget(self.cues, 2, 0, 1, 3)
        self.profile.activated.connect(
            lambda: bridge.choose_profile(str(self.profile.currentData()))
        )
        self.cues.clicked.connect(bridge.set_cues)
        bridge.settings_changed.connect(self._show)
        self._show(bridge.settings)

    def _show(self, settings: Settings) -> None:
        self.profile.setCurrentIndex(max(self.profile.findData(settings.profile), 0))
        words = profile_in_words(settings.profile)
        self.meaning.setText(words)
        self.profile.setAccessibleDescription(words)
        self.cues.setChecked(settings.cues)
