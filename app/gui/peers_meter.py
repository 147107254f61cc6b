"""What each peer of a call costs, where there are several: codes, payload and wire both ways."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy

from app.core.state import CallReading, PeerReading, PeerView
from app.gui.bridge import Bridge
from app.gui.card import Card, Figures, Text, caption
from app.gui.habits import profile_title
from app.gui.words import kbit

_KINDS = ("codes", "payload", "wire")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PeersMeter(Card):
    """A row a peer, with the profile each way; hidden while there is only one."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Each person")
        self.rows: dict[int, list[Text]] = {}
        self._names: dict[int, str] = {}
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(0, 1)
        for column, kind in enumerate(_KINDS, 1):
            self._grid.addWidget(Text(kind.capitalize(), shade="soft"), 0, column, _RIGHT)
        self._grid.addWidget(Text("Profile", shade="soft"), 0, len(_KINDS) + 1)
        self.column.addWidget(caption("kbit/s to them / from them"))
        self.column.addLayout(self._grid)
        bridge.peer_joined.connect(self._know)
        bridge.peer_changed.connect(self._know)
        self.hide()

    def show_reading(self, reading: CallReading | None) -> None:
        """Show the rates to and from each peer."""
        peers = reading.peers if reading else ()
        self.setVisible(len(peers) > 1)
        if [peer.id for peer in peers] != list(self.rows):
            self._lay_out(peers)
        for peer in peers:
            self._fill(peer)

    def clear(self) -> None:
        """Forget the last call."""
        self._names.clear()
        self.show_reading(None)

    def _know(self, peer: PeerView) -> None:
        self._names[peer.id] = peer.name.strip()

    def _lay_out(self, peers: tuple[PeerReading, ...]) -> None:
        for widget in (each for row in self.rows.values() for each in row):
            self._grid.removeWidget(widget)
            widget.deleteLater()
        self.rows = {peer.id: self._row(number) for number, peer in enumerate(peers, 1)}

    def _row(self, number: int) -> list[Text]:
        name = Text()
        name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = [name, *(Figures("00.0 / 00.0") for _ in _KINDS), Text()]
        for column, widget in enumerate(row):
            self._grid.addWidget(widget, number, column)
        return row

    def _fill(self, peer: PeerReading) -> None:
        name, *figures, profile = self.rows[peer.id]
        who = self._names.get(peer.id) or "Someone"
        name.setText(name.fontMetrics().elidedText(who, Qt.TextElideMode.ElideRight, name.width()))
        name.setToolTip(who)
        for kind, figure in zip(_KINDS, figures, strict=True):
            up = kbit(getattr(peer.bandwidth, f"{kind}_up"))
            down = kbit(getattr(peer.bandwidth, f"{kind}_down"))
            figure.setText(f"{up} / {down}")
            figure.setAccessibleName(f"{who}, {kind}: {up} to them, {down} from them, kbit/s")
        profile.setText(profiles_in_words(peer))
        profile.setAccessibleName(f"{who}, profile: {profiles_in_words(peer)}")


def profiles_in_words(peer: PeerReading) -> str:
    """By which profiles packets go to a peer and come from it: "Low delay / Saver"."""
    return " / ".join(profile_title(name) or "–" for name in (peer.profile, peer.their_profile))
