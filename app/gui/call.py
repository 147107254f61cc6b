"""The page of a call: who is there, mute and hang up, and below them every meter."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QShortcut,
)
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from app.core.state import CallReading, Talking
from app.gui.beside import Beside
from app.gui.bridge import Bridge
from app.gui.buttons import IconButton
from app.gui.call_model import CallModel
from app.gui.card import Card, FoldingRow, Page, Text, caption, centre
from app.gui.chat import ChatButton, ChatPanel
from app.gui.habits import Habits
from app.gui.message import Message
from app.gui.meters import LatencyMeter, LevelMeters, QualityMeter, RateMeter
from app.gui.name import NameField
from app.gui.peers_meter import PeersMeter
from app.gui.people import NO_NAME, People, names_of
from app.gui.picker import DevicePickers
from app.gui.theme import shades
from app.gui.words import duration

_WIDTH = 1080


class Avatar(QWidget):
    """The first letter of a name in a circle, dimmed when its owner does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self._letter = ""
        self._there = True
        side = round(self.fontMetrics().height() * 2.9)
        self.setFixedSize(QSize(side, side))

    def show_name(self, name: str, there: bool) -> None:
        """Show the letter of a name."""
        self._letter, self._there = name.strip()[:1].upper(), there
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        scheme = shades(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(scheme.accent_soft if self._there else scheme.line))
        painter.drawEllipse(QRectF(self.rect()))
        font = painter.font()
        font.setPixelSize(round(self.height() * 0.45))
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(scheme.accent if self._there else scheme.soft))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self._letter)


class CallPage(QWidget):
    """A call in progress. `clock` gives seconds that never go back."""

    def __init__(self, bridge: Bridge, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.setAccessibleName("Call")
        self._bridge = bridge
        self._clock = clock
        self._since: float | None = None
        self._began: float | None = None
        self._loading = False
        self.last_reading: CallReading | None = None
        self.avatar = Avatar()
        self.peer_name = Text(NO_NAME, scale=1.35, strong=True)
        self.status = caption("Connected")
        self.lasted = Text("0:00", scale=1.2, shade="soft")
        self.mute = IconButton("Mute", "microphone", big=True)
        self.mute.setCheckable(True)
        self.mute.setToolTip("Ctrl+M or M")
        self.mute.clicked.connect(self._mute_clicked)
        self.hang_up = IconButton("Hang up", "hang-up", "danger", big=True)
        self.hang_up.setToolTip("Ctrl+Shift+H")
        self.hang_up.clicked.connect(lambda: bridge.spawn(bridge.hang_up()))
        self.chat = ChatPanel(bridge)
        self.chat_button = ChatButton(bridge)
        self.chat_button.toggled.connect(self._fold_chat)
        self.message = Message()
        self.levels = LevelMeters()
        self.rates = RateMeter(clock)
        self.latency = LatencyMeter()
        self.quality = QualityMeter()
        self.people = People(bridge, clock)
        self.people.changed.connect(self._show_people)
        self.people.turned.connect(self._announce_status)
        self.each = PeersMeter(bridge)
        self.name = NameField(bridge)
        self.devices = DevicePickers(bridge, self.name)
        self.habits = Habits(bridge)
        self.model = CallModel(bridge)
        self.conversion = QCheckBox("Convert my voice")
        self._meters = Page("Meters of the call", _WIDTH, top=0)
        self._below = Beside(self._meters, self.chat)
        self._lay_out()
        self._add_shortcuts()
        self._tick = QTimer(self, interval=500)
        self._tick.timeout.connect(self._show_passing)
        bridge.reading_changed.connect(self._show_reading)
        bridge.mute_changed.connect(self._show_muted)

    def show_state(self, state: Talking) -> None:
        """Begin to show a call."""
        if state.since != self._since:
            self._since, self._began = state.since, self._clock()
            self._bridge.look_for_models()
            self.last_reading = None
            self.message.clear()
            for meter in self._all_meters:
                meter.clear()
        if state.loading:
            words = f"Both sides have the model {state.loading}. It is being loaded; the sound "
            self.message.say("info", words + "begins when it is.")
            self._loading = True
        elif self._loading:
            self.message.clear()
            self._loading = False
        self.people.invite.show_invite(state.inviting)
        self._show_passing()
        self._tick.start()

    def finish(self) -> float | None:
        """Stop counting; seconds the call lasted, None if there was none."""
        self._tick.stop()
        lasted = None if self._began is None else self._clock() - self._began
        self._since = self._began = None
        self.people.clear()
        self.peer_name.setText(NO_NAME)
        self.avatar.show_name("?", True)
        return lasted

    def _announce_status(self) -> None:
        """Have it read aloud."""
        QAccessible.updateAccessibility(QAccessibleEvent(self.status, QAccessible.Event.Alert))

    def _show_people(self) -> None:
        """Say in the header who is there: one in full, of several their names."""
        peers = self.people.peers
        if not peers:
            return
        all_there = all(peer.reachable for peer in peers)
        self.peer_name.setText(names_of(peers))
        self.avatar.show_name(peers[0].name.strip() or "?", all_there)
        self.status.set_shade("soft" if all_there else "warning")
        self.status.setText(self.people.in_words())

    def show_error(self, sentence: str) -> None:
        """Say that something was refused."""
        if self.chat.is_sending:
            self.chat.say("error", sentence)
        elif self.people.invite.is_open:
            self.people.invite.show_error(sentence)
        else:
            self.message.say("error", sentence)

    def focus_first(self) -> None:
        """Give the keyboard to the mute button."""
        self.mute.setFocus()

    @property
    def _all_meters(self) -> tuple[RateMeter, LatencyMeter, QualityMeter, LevelMeters, PeersMeter]:
        return self.rates, self.latency, self.quality, self.levels, self.each

    def _show_reading(self, reading: CallReading | None) -> None:
        if reading is not None:
            self.last_reading = reading
        for meter in self._all_meters:
            meter.show_reading(reading)
        self.people.show_reading(reading)

    def _show_muted(self, muted: bool) -> None:
        self.mute.setChecked(muted)
        self.mute.setText("Unmute" if muted else "Mute")
        self.mute.setAccessibleName(
            "Unmute: your microphone is off" if muted else "Mute: your microphone is on"
        )
        self.mute.set_drawing("microphone-off" if muted else "microphone")
        self.levels.set_muted(muted)

    def _mute_clicked(self) -> None:
        # The button shows what the engine says, not what was clicked.
        muted = self._bridge.muted
        self.mute.setChecked(muted)
        self._bridge.set_muted(not muted)

    def _fold_chat(self, unfolded: bool) -> None:
        self._below.show_second(unfolded)
        (self.chat if unfolded else self).focus_first()

    def _show_passing(self) -> None:
        """Show what changes by time alone."""
        self.people.refresh()
        self._show_people()
        if self._began is not None:
            self.lasted.setText(duration(self._clock() - self._began))

    def _add_shortcuts(self) -> None:
        for keys, act in (
            ("Ctrl+M", self._mute_clicked),
            ("M", self._mute_clicked),
            ("Ctrl+Shift+H", self.hang_up.click),
            ("Ctrl+T", self.chat_button.click),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(act)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        header = QHBoxLayout()
        header.setContentsMargins(24, 24, 24, 12)
        centre(header, self._header_card(), _WIDTH)
        column.addLayout(header)
        column.addWidget(self._below, 1)
        self._meters.column.addWidget(self.people)
        self._meters.column.addWidget(FoldingRow(self.rates, self._sound_card()))
        self._meters.column.addWidget(self.each)
        self._meters.column.addWidget(FoldingRow(self.latency, self.quality))

    def _header_card(self) -> Card:
        card = Card()
        words = QVBoxLayout()
        words.setSpacing(2)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.peer_name)
        line.addWidget(self.lasted)
        line.addStretch(1)
        words.addLayout(line)
        words.addWidget(self.status)
        who, buttons = QWidget(), QWidget()
        row = _bare_row(who)
        row.addWidget(self.avatar)
        row.addLayout(words, 1)
        row = _bare_row(buttons)
        row.addWidget(self.chat_button)
        row.addWidget(self.mute, 1)
        row.addWidget(self.hang_up, 1)
        card.column.addWidget(FoldingRow(who, buttons, even=False))
        card.column.addWidget(self.message)
        return card

    def _sound_card(self) -> Card:
        card = Card("Sound")
        self.conversion.setEnabled(False)
        why = "Live voice conversion is not built yet."
        self.conversion.setToolTip(why)
        self.conversion.setAccessibleDescription(why)
        card.column.addWidget(self.levels)
        card.column.addWidget(self.devices)
        card.column.addWidget(self.habits)
        card.column.addWidget(self.model)
        row = QHBoxLayout()
        row.addWidget(self.conversion)
        row.addWidget(caption(why), 1)
        card.column.addLayout(row)
        card.column.addStretch(1)
        return card


def _bare_row(owner: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(owner)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(14)
    return row
