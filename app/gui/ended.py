"""The page after a call: why it ended, how long it was, what it cost."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout

from app.core.chat import ChatLine
from app.core.state import CallReading, Ended
from app.gui.bridge import Bridge
from app.gui.buttons import CopyButton, IconButton
from app.gui.card import Card, Figures, Page, Text, caption, heading
from app.gui.chat_list import line_in_words
from app.gui.icons import IconMark
from app.gui.words import duration, size

_KINDS = (("codes", "Codes"), ("payload", "Payload"), ("wire", "Wire"))


class EndedPage(Page):
    """The reason, the totals of the call, and the way home."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Call ended", 520)
        self.mark = IconMark("check", "accent", 2.2)
        self.title = heading("", 1.5)
        self.title.setWordWrap(True)
        self.reason = Text(wrap=True)
        self.lasted = caption(wrap=False)
        self.totals = Card("What it took")
        self.figures: dict[str, Figures] = {}
        self._names: dict[str, Text] = {}
        self.copy_chat = CopyButton("the chat", "plain")
        self.copy_chat.setToolTip("It is forgotten when the next call begins")
        self.copy_chat.hide()
        bridge.chat_changed.connect(self._show_chat)
        self.home = IconButton("Back to home", "back", "primary", big=True)
        self.home.clicked.connect(bridge.reset)
        card = Card()
        top = QHBoxLayout()
        top.setSpacing(14)
        top.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self.title, 1)
        card.column.addLayout(top)
        card.column.addWidget(self.reason)
        card.column.addWidget(self.lasted)
        self._fill_totals()
        self.column.addStretch(1)
        self.column.addWidget(card)
        self.column.addWidget(self.totals)
        self.column.addWidget(self.copy_chat)
        self.column.addWidget(self.home)
        self.column.addStretch(2)

    def show_state(self, state: Ended, seconds: float | None, last: CallReading | None) -> None:
        """Show an end. `seconds` is how long both talked, None if they never did."""
        self.mark.set_icon(
            "error" if state.failed else "check", "danger" if state.failed else "accent"
        )
        self.title.setText("The call did not work out" if state.failed else "Call ended")
        self.reason.setText(state.reason)
        self.lasted.setVisible(seconds is not None)
        self.lasted.setText(f"You were connected for {duration(seconds or 0)}.")
        self.totals.setVisible(last is not None)
        for kind, _ in _KINDS:
            for way in ("up", "down"):
                total = getattr(last.bandwidth, f"{kind}_{way}_total") if last else None
                self.figures[f"{kind}_{way}"].setText(size(total))
        if last is not None:
            self._names["wire"].setText("Wire" if last.wire_measured else "Wire (computed)")

    def focus_first(self) -> None:
        self.home.setFocus()

    def _show_chat(self, lines: tuple[ChatLine, ...]) -> None:
        self.copy_chat.setVisible(bool(lines))
        self.copy_chat.set_text_to_copy("\n".join(map(line_in_words, lines)))

    def _fill_totals(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(0, 1)
        right = Qt.AlignmentFlag.AlignRight
        grid.addWidget(Text("sent", shade="soft"), 0, 1, right)
        grid.addWidget(Text("received", shade="soft"), 0, 2, right)
        for row, (kind, name) in enumerate(_KINDS, 1):
            self._names[kind] = Text(name)
            grid.addWidget(self._names[kind], row, 0)
            for column, way in ((1, "up"), (2, "down")):
                self.figures[f"{kind}_{way}"] = Figures("000.00 MB")
                grid.addWidget(self.figures[f"{kind}_{way}"], row, column)
        self.totals.column.addLayout(grid)
