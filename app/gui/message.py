"""A sentence shown on a page, close to what it is about, with its severity as icon and word."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.gui.card import Text
from app.gui.icons import IconMark, severity_mark
from app.gui.theme import shades


class Message(QWidget):
    """Hidden until it has something to say."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(10)
        self._mark = IconMark("info")
        self._text = Text(wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        self._severity = "info"
        self.hide()

    @property
    def text(self) -> str:
        """What is said, with the word for its severity; empty when hidden."""
        return self._text.text() if not self.isHidden() else ""

    def say(self, severity: str, sentence: str) -> None:
        """Show a sentence; severities are those of a `Notice`."""
        self._severity = severity
        drawing, _, word = severity_mark(severity, shades(self.palette()))
        shade = {"info": "soft", "warning": "warning", "error": "danger"}[severity]
        self._mark.set_icon(drawing, shade)
        self._text.setText(sentence if severity == "info" else f"{word}: {sentence}")
        self.setAccessibleName(self._text.text())
        self.show()
        self.update()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def clear(self) -> None:
        """Say nothing more."""
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        scheme = shades(self.palette())
        back = {"info": scheme.window, "warning": scheme.warning_soft, "error": scheme.danger_soft}
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(back[self._severity])
        painter.drawRoundedRect(self.rect(), 10, 10)
