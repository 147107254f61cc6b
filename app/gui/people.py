"""Who is in the call: a row each, with how loud they are and how loud they are to be; one more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget

from app.core.state import CallReading, Inviting, PeerView
from app.gui.away import AwayTimes, peer_in_words
from app.gui.bars import LevelBar
from app.gui.bridge import Bridge
from app.gui.buttons import IconButton
from app.gui.card import Card, Text, caption
from app.gui.invite import HandOver
from app.gui.link import LinkField
from app.gui.message import Message

NO_NAME = "The other side"

_SLIDER_STEPS = 10
"""Per doubling of the loudness' amplitude: 0.6 dB a step."""

_QUIETEST, _LOUDEST = -40, 20
"""In steps: a sixteenth to four times."""


def name_of(peer: PeerView) -> str:
    """What to call a peer."""
    return peer.name.strip() or NO_NAME


def names_of(peers: list[PeerView]) -> str:
    """What to call those in a call, however many."""
    if len(peers) > 2:
        return f"{name_of(peers[0])} and {len(peers) - 1} others"
    return ", ".join(name_of(peer) for peer in peers)


class PersonRow(QWidget):
    """One peer. The knobs show what the engine says, not where they were put."""

    def __init__(self, bridge: Bridge, peer: PeerView, clock: Callable[[], float]) -> None:
        super().__init__()
        self._bridge, self.peer = bridge, peer
        self.name = Text(strong=True)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.status = caption(wrap=True)
        self.level = LevelBar("Level", clock)
        self.volume = _VolumeSlider()
        self.volume.valueChanged.connect(self._turned)
        self.silence = IconButton("Do not play", "loudspeaker", "quiet")
        self.silence.setCheckable(True)
        self.silence.setMinimumWidth(self.silence.sizeHint().width())
        self.silence.clicked.connect(self._silence_clicked)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.name)
        words.addWidget(self.status)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        row.addLayout(words, 3)
        row.addWidget(self.level, 1)
        row.addWidget(self.volume, 1)
        row.addWidget(self.silence)

    def show_peer(self, peer: PeerView, away: float | None) -> None:
        """Show what is known of the peer; `away` is how long nothing has come from it."""
        self.peer = peer
        who = name_of(peer)
        self.setAccessibleName(who)
        metrics, room = self.name.fontMetrics(), max(self.name.width(), 120)
        self.name.setText(metrics.elidedText(who, Qt.TextElideMode.ElideRight, room))
        self.name.setToolTip(who)
        self.status.setText(peer_in_words(peer, away))
        self.status.set_shade("soft" if peer.reachable else "warning")
        self.volume.blockSignals(True)
        self.volume.setValue(step_of(peer.volume))
        self.volume.blockSignals(False)
        self.volume.setEnabled(not peer.silenced)
        self.volume.setAccessibleName(f"Volume of {who}: {peer.volume:.0%}")
        self.volume.setToolTip(f"Volume {peer.volume:.0%}. Only you hear it otherwise.")
        self.silence.setChecked(peer.silenced)
        self.silence.setText("Play again" if peer.silenced else "Do not play")
        self.silence.setAccessibleName(f"{self.silence.text()}: {who}")

    def show_level(self, level: float | None) -> None:
        """Show how loud the peer is, in dBFS."""
        self.level.show_level(level)

    def _turned(self, step: int) -> None:
        self._bridge.set_volume(self.peer.id, volume_of(step))

    def _silence_clicked(self) -> None:
        self.silence.setChecked(self.peer.silenced)
        self._bridge.set_silenced(self.peer.id, not self.peer.silenced)


class _VolumeSlider(QSlider):
    """Double-click puts it back to how the peer sounds by itself."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(_QUIETEST, _LOUDEST)
        self.setPageStep(_SLIDER_STEPS)
        self.setMinimumWidth(round(self.fontMetrics().height() * 4))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        event.ignore()  # type: ignore[attr-defined]  # Scrolling a page must turn no knob.

    def mouseDoubleClickEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self.setValue(0)


def volume_of(step: int) -> float:
    """The gain at a place of the slider; the lowest is none at all."""
    return 0.0 if step <= _QUIETEST else 2.0 ** (step / _SLIDER_STEPS)


def step_of(volume: float) -> int:
    """The slider's place for a gain."""
    return _QUIETEST if volume <= 0.0 else round(math.log2(volume) * _SLIDER_STEPS)


class InviteAnother(QWidget):
    """A button; once pressed, the invite to send and a field for the answer."""

    def __init__(self, bridge: Bridge, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._bridge = bridge
        self._link = ""
        self.begin = IconButton("Invite another", "person")
        self.begin.setToolTip("Up to eight people fit in a call")
        self.begin.clicked.connect(lambda: bridge.spawn(bridge.invite_another()))
        self.message = Message()
        self.hand_over = HandOver(
            "Send this invite",
            "Send the link to one more person, and paste the answer you get back. They are "
            "introduced to everybody in the call.",
            "invite",
            clock,
        )
        self.answer = LinkField("Answer link", "Paste the answer you get back", "Connect", "call")
        self.answer.entered.connect(lambda link: bridge.spawn(bridge.accept_answer(link)))
        self.cancel = IconButton("Take the invite back", "close", "quiet")
        self.cancel.clicked.connect(lambda: bridge.spawn(bridge.take_back()))
        self.opened = QWidget()
        inside = QVBoxLayout(self.opened)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.hand_over)
        inside.addWidget(self.answer)
        inside.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.begin, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.message)
        column.addWidget(self.opened)
        self.show_invite(None)

    @property
    def is_open(self) -> bool:
        """Whether an invite waits for its answer."""
        return bool(self._link)

    def show_invite(self, inviting: Inviting | None) -> None:
        """Show the open invite, or that there is none."""
        link = inviting.link if inviting is not None else ""
        if inviting is not None and link != self._link:
            self.answer.clear()
            self.hand_over.show_link(link, inviting.expires_at)
            self.hand_over.copy.setFocus()
        if inviting is None:
            self.hand_over.expiry.stop()
        self._link = link
        self.message.clear()
        self.opened.setVisible(inviting is not None)
        self.begin.setVisible(inviting is None)

    def show_error(self, sentence: str) -> None:
        """Say why an invite or an answer did not do."""
        if self.is_open:
            self.answer.refuse(sentence)
        else:
            self.message.say("error", sentence)


class People(Card):
    """Everybody else in the call. `changed` is told when somebody came, left or is otherwise.

    `turned` follows it when somebody stopped to answer, or does again. `clock` gives seconds that
    never go back.
    """

    changed = Signal()
    turned = Signal()

    def __init__(self, bridge: Bridge, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("People")
        self._bridge, self._clock = bridge, clock
        self._away = AwayTimes(clock)
        self.rows: dict[int, PersonRow] = {}
        self.invite = InviteAnother(bridge)
        self._list = QVBoxLayout()
        self._list.setSpacing(12)
        self.column.addLayout(self._list)
        self.column.addWidget(self.invite)
        bridge.peer_joined.connect(self.show_peer)
        bridge.peer_changed.connect(self.show_peer)
        bridge.peer_left.connect(self._left)

    @property
    def peers(self) -> list[PeerView]:
        """Who is there, in the order they came."""
        return [row.peer for row in self.rows.values()]

    def show_peer(self, peer: PeerView) -> None:
        """Show one as they say they are."""
        turned = self._away.see(peer)
        row = self.rows.get(peer.id)
        if row is None:
            row = self.rows[peer.id] = PersonRow(self._bridge, peer, self._clock)
            self._list.addWidget(row)
        row.show_peer(peer, self._away.seconds(peer))
        self.changed.emit()
        if turned:
            self.turned.emit()

    def in_words(self) -> str:
        """How it stands with the one who is there, or with several."""
        peers = self.peers
        if len(peers) == 1:
            return peer_in_words(peers[0], self._away.seconds(peers[0]))
        away = ", ".join(name_of(peer) for peer in peers if not peer.reachable)
        return f"{len(peers) + 1} people" + (f" · reconnecting with {away} …" if away else "")

    def show_reading(self, reading: CallReading | None) -> None:
        """Show how loud each is."""
        levels = {peer.id: peer.level for peer in reading.peers} if reading else {}
        for peer_id, row in self.rows.items():
            row.show_level(levels.get(peer_id))

    def refresh(self) -> None:
        """Show how long those who do not answer have not."""
        for row in self.rows.values():
            if not row.peer.reachable:
                row.show_peer(row.peer, self._away.seconds(row.peer))

    def clear(self) -> None:
        """Forget everybody."""
        for peer_id in tuple(self.rows):
            self._remove(peer_id)
        self._away.clear()
        self.invite.show_invite(None)

    def _left(self, peer: PeerView, reason: str) -> None:
        self._remove(peer.id)
        self.changed.emit()

    def _remove(self, peer_id: int) -> None:
        row = self.rows.pop(peer_id, None)
        if row is not None:
            self._list.removeWidget(row)
            row.deleteLater()
