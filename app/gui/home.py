"""The first page: who you are, and the two ways into a call."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.bridge import Bridge
from app.gui.buttons import IconButton
from app.gui.card import Card, FoldingRow, Page, Text, caption
from app.gui.habits import Habits
from app.gui.icons import pixmap
from app.gui.link import LinkField
from app.gui.message import Message
from app.gui.models import ModelRow
from app.gui.name import NameField
from app.gui.picker import DevicePickers


class Emblem(QWidget):
    """The app's own icon."""

    def __init__(self) -> None:
        super().__init__()
        side = round(self.fontMetrics().height() * 3.2)
        self.setFixedSize(QSize(side, side))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        picture = pixmap("undertone", "#000000", self.width(), self.devicePixelRatioF())
        QPainter(self).drawPixmap(0, 0, picture)


class HomePage(Page):
    """Name, devices, "New call", and a field for an invite."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Home")
        self._bridge = bridge
        self.name = NameField(bridge)
        self.new_call = IconButton("New call", "call", "primary", big=True)
        self.new_call.clicked.connect(lambda: bridge.spawn(self._create()))
        self.invite = LinkField("Invite link", "Paste the invite you were sent", "Join", "join")
        self.invite.entered.connect(lambda link: bridge.spawn(self._join(link)))
        self.message = Message()
        self.devices = DevicePickers(bridge, self.name)
        self.habits = Habits(bridge)
        self.model = ModelRow(bridge)
        self.column.addStretch(1)
        self.column.addLayout(self._header())
        self.column.addWidget(self.message)
        self.column.addWidget(FoldingRow(self._call_card(), self._join_card()))
        self.column.addWidget(self._you_card())
        self.column.addStretch(2)
        self._joining = False

    def show_error(self, sentence: str) -> None:
        if self._joining:
            self.invite.refuse(sentence)
        else:
            self.message.say("error", sentence)

    def focus_first(self) -> None:
        self.message.clear()
        self.invite.clear()
        self.new_call.setFocus()

    async def _create(self) -> None:
        self.message.clear()
        self.name.take()
        await self._bridge.create_call()

    async def _join(self, link: str) -> None:
        self._joining = True
        self.name.take()
        try:
            await self._bridge.join(link)
        finally:
            self._joining = False

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(16)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Text("Undertone", scale=1.9, strong=True))
        words.addWidget(caption("Voice calls straight from one computer to another."))
        row.addWidget(Emblem())
        row.addLayout(words, 1)
        row.setAlignment(words, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _call_card(self) -> Card:
        card = Card("Start a call")
        card.column.addWidget(
            caption("You get a link to send to the person you want to talk with.")
        )
        card.column.addStretch(1)
        card.column.addWidget(self.new_call)
        return card

    def _join_card(self) -> Card:
        card = Card("Join a call")
        card.column.addWidget(caption("Somebody sent you an invite link?"))
        card.column.addStretch(1)
        card.column.addWidget(self.invite)
        return card

    def _you_card(self) -> Card:
        card = Card("You")
        card.column.addWidget(self.devices)
        card.column.addWidget(self.habits)
        card.column.addWidget(self.model)
        return card
