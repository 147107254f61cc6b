"""Links to hand over and links to paste."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFont,
    QFontDatabase,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.gui.buttons import IconButton
from app.gui.message import Message

_LINK = re.compile(r"undertone://\S+", re.IGNORECASE)


def link_in(text: str) -> str | None:
    """The first Undertone link in a text, however much is written around it; None without one.

    A text that begins with the link may have it broken into lines, as mail programs do.
    """
    whole = text.strip().strip("<>\"'")
    if whole.lower().startswith("undertone://"):
        return "".join(whole.split())
    found = _LINK.search(text)
    return found.group().rstrip("<>\"'),.;") if found else None


class LinkBox(QPlainTextEdit):
    """A link to hand over: all of it visible, chosen as a whole when it gets the keyboard."""

    def __init__(self, name: str, lines: int = 4) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font = QFont(fixed.family())
        font.setPointSizeF(self.font().pointSizeF() * 0.95)
        self.setFont(font)
        height = QFontMetrics(font).lineSpacing() * lines
        self.setFixedHeight(height + 28)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusInEvent(event)
        self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:  # its menu still wants to copy
            self.moveCursor(QTextCursor.MoveOperation.Start)


class LinkField(QWidget):
    """A field for a link from the other side, with a button that pastes it and one that acts.

    `entered` carries the link when the person acts.
    """

    entered = Signal(str)

    def __init__(self, name: str, hint: str, action: str, drawing: str) -> None:
        super().__init__()
        self.line = _Line(self)
        self.line.setAccessibleName(name)
        self.line.setPlaceholderText(hint)
        self.line.setClearButtonEnabled(True)
        self.line.setMinimumHeight(round(self.fontMetrics().height() * 2.3))
        self.paste = IconButton("Paste", "paste")
        self.act = IconButton(action, drawing, "primary")
        self.act.setEnabled(False)
        self.message = Message()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(self.paste)
        row.addWidget(self.act)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.line)
        column.addWidget(self.message)
        column.addLayout(row)
        self.line.textChanged.connect(self._typed)
        self.line.returnPressed.connect(self._enter)
        self.paste.clicked.connect(self.take_from_clipboard)
        self.act.clicked.connect(self._enter)

    @property
    def link(self) -> str | None:
        """The link in the field, None while there is none."""
        return link_in(self.line.text())

    def clear(self) -> None:
        """Empty the field."""
        self.line.clear()
        self.message.clear()

    def refuse(self, sentence: str) -> None:
        """Say why the link did not do, and let the person try again."""
        self.message.say("error", sentence)
        self.line.setFocus()
        self.line.selectAll()

    def take_from_clipboard(self) -> None:
        """Take the link on the clipboard, dropping what is written around it."""
        text = QApplication.clipboard().text()
        found = link_in(text)
        if found is None:
            self.message.say("warning", "There is no Undertone link on the clipboard.")
            return
        self.line.setText(found)
        self.act.setFocus()

    def _typed(self, text: str) -> None:
        found = link_in(text)
        self.act.setEnabled(found is not None)
        if found is not None:
            self.message.say("info", f"Link recognised. Press Enter, or “{self.act.text()}”.")
        elif text.strip():
            self.message.say(
                "warning", "This is no Undertone link; they begin with “undertone://”."
            )
        else:
            self.message.clear()

    def _enter(self) -> None:
        if self.link is not None:
            self.entered.emit(self.link)


class _Line(QLineEdit):
    """Pastes the link out of a text with more in it."""

    def __init__(self, field: LinkField) -> None:
        super().__init__()
        self._field = field

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        pasting = event.matches(QKeySequence.StandardKey.Paste)
        if pasting and link_in(QApplication.clipboard().text()) is not None:
            self._field.take_from_clipboard()
            return
        super().keyPressEvent(event)
