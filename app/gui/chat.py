"""The chat beside a call: what was written, a place to write, and the button that unfolds them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QWidget

from app.core.chat import ChatLine
from app.core.control import MAX_CHAT_BYTES
from app.core.texts import clean_lines
from app.gui.bridge import Bridge
from app.gui.buttons import CopyButton, IconButton
from app.gui.card import Card, caption, heading
from app.gui.chat_list import ChatList, line_in_words
from app.gui.message import Message

_NOTHING = (
    "Nothing written yet. What is written here is kept until the next call, and nowhere else."
)
_NEAR_THE_END = 100
"""Bytes left from which it is told how many there are."""


class ChatInput(QPlainTextEdit):
    """A few lines to write in: Enter sends, Shift+Enter begins a new line, Tab goes on."""

    entered = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Message")
        self.setAccessibleDescription("Enter sends, Shift and Enter begin a new line")
        self.setPlaceholderText("Write a message")
        self.setToolTip("Enter sends, Shift+Enter begins a new line")
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(self._fit)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self.fontMetrics().height() * 6, self.height())

    def _fit(self) -> None:
        """As high as what is written, up to four lines."""
        lines = min(max(round(self.document().size().height()), 1), 4)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * lines + 28)


class ChatPanel(Card):
    """History, input line, copy and send."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.setAccessibleName("Chat")
        self._bridge = bridge
        self._sending = False
        self.list = ChatList()
        self.nothing = caption(_NOTHING)
        self.copy = CopyButton("all", "quiet")
        self.copy.setAccessibleName("Copy the whole chat")
        self.input = ChatInput()
        self.send = IconButton("", "send", "primary", name="Send the message")
        self.left = caption(wrap=False)
        self.left.hide()
        self.message = Message()
        self._lay_out()
        self.input.entered.connect(self._enter)
        self.input.textChanged.connect(self._written)
        self.send.clicked.connect(self._enter)
        bridge.chat_changed.connect(self._show_lines)
        self._written()

    @property
    def is_sending(self) -> bool:
        """Whether a message was just handed over: what is refused now is that."""
        return self._sending

    def say(self, severity: str, sentence: str) -> None:
        """Say something above the input line, as that a message was not taken; it stays in it."""
        self.message.say(severity, sentence)

    def focus_first(self) -> None:
        """Give the keyboard to the input line."""
        self.input.setFocus()

    def _enter(self) -> None:
        if self.send.isEnabled() and not self._sending:
            self._sending = True
            self._bridge.spawn(self._send(self.input.toPlainText()))

    async def _send(self, text: str) -> None:
        self.message.clear()
        try:
            if await self._bridge.send_chat(text) and self.input.toPlainText() == text:
                self.input.clear()
        finally:
            self._sending = False

    def _written(self) -> None:
        text = clean_lines(self.input.toPlainText())
        room = MAX_CHAT_BYTES - len(text.encode("utf-8", "replace"))
        self.send.setEnabled(bool(text) and room >= 0)
        self.left.setVisible(room < _NEAR_THE_END)
        self.left.setText(f"{room} bytes left" if room >= 0 else f"{-room} bytes too long")
        self.left.set_shade("soft" if room >= 0 else "danger")

    def _show_lines(self, lines: tuple[ChatLine, ...]) -> None:
        self.list.show_lines(lines)
        self.list.setVisible(bool(lines))
        self.nothing.setVisible(not lines)
        self.copy.set_text_to_copy("\n".join(map(line_in_words, lines)))

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(heading("Chat"), 1)
        top.addWidget(self.copy)
        self.column.addLayout(top)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.list.hide()
        self.column.addWidget(self.nothing, 1)
        self.column.addWidget(self.list, 1)
        self.column.addWidget(self.message)
        self.column.addWidget(self.left)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.input, 1)
        row.addWidget(self.send, 0, Qt.AlignmentFlag.AlignBottom)
        self.column.addLayout(row)
        QWidget.setTabOrder(self.list, self.input)
        QWidget.setTabOrder(self.input, self.send)


class ChatButton(IconButton):
    """Folds the chat; while it is folded, says how many messages nobody has seen."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Chat", "chat", big=True)
        self.setCheckable(True)
        self.setProperty("folds", True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip("Ctrl+T")
        self._lines: tuple[ChatLine, ...] = ()
        self._seen = 0
        self._word = "Chat"
        self.toggled.connect(lambda unfolded: self._count())
        bridge.chat_changed.connect(self._show_lines)
        self._count()

    @property
    def unread(self) -> int:
        """Messages of others that came while the chat was folded."""
        return sum(line.number > self._seen and not line.own for line in self._lines)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        hint = super().sizeHint()
        advance = self.fontMetrics().horizontalAdvance
        return QSize(hint.width() + advance(self._word) - advance(self.text()), hint.height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        advance, hint = self.fontMetrics().horizontalAdvance, self.sizeHint()
        return QSize(hint.width() - advance(self._word) + advance(self._short), hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The word where there is room; else the count alone beside the icon."""
        self.setText(self._word if self.width() >= self.sizeHint().width() else self._short)

    @property
    def _short(self) -> str:
        return f"({self.unread})" if self.unread else ""

    def _show_lines(self, lines: tuple[ChatLine, ...]) -> None:
        if not lines:
            self._seen = 0
        before, self._lines = self._lines, lines
        self._count()
        if lines and not lines[-1].own and (not before or lines[-1].number > before[-1].number):
            self.setAccessibleDescription(line_in_words(lines[-1]))
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _count(self) -> None:
        if self.isChecked() and self._lines:
            self._seen = self._lines[-1].number
        unread = self.unread
        self._word = f"Chat ({unread})" if unread else "Chat"
        self.updateGeometry()
        self._fit()
        doing = "Hide the chat" if self.isChecked() else "Show the chat"
        self.setAccessibleName(f"{doing}: {unread} unread" if unread else doing)
        self.setProperty("unread", bool(unread))
        self.style().unpolish(self)
        self.style().polish(self)
