"""Buttons with an icon that keeps the colour of their text."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QPushButton

from app.gui.icons import icon
from app.gui.theme import shades

Look = Literal["plain", "primary", "danger", "quiet"]
_TEXT_SHADE = {"plain": "text", "primary": "on_accent", "danger": "on_danger", "quiet": "text"}


class IconButton(QPushButton):
    """A push button. `look` is "primary" for the one thing most likely wanted on a page."""

    def __init__(
        self, text: str, drawing: str, look: Look = "plain", *, big: bool = False, name: str = ""
    ) -> None:
        super().__init__(text)
        self._drawing = drawing
        self._look = look
        self._made_of: tuple[str, str] | None = None
        self.setProperty("look", look)
        self.setProperty("bare", not text)
        self.setAutoDefault(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if name:
            self.setAccessibleName(name)
            if not text:
                self.setToolTip(name)
        if big:
            font = QFont(self.font())
            font.setPointSizeF(font.pointSizeF() * 1.12)
            font.setWeight(QFont.Weight.DemiBold)
            self.setFont(font)
            self.setMinimumHeight(round(self.fontMetrics().height() * 2.6))
        side = round(self.fontMetrics().height() * (1.35 if big else 1.15))
        self._room = side // 4 if text else 0
        self.setIconSize(QSize(side + self._room, side))
        self._draw()

    def set_drawing(self, drawing: str) -> None:
        """Show another icon."""
        self._drawing = drawing
        self._draw()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._draw()

    def _draw(self) -> None:
        # The style sheet's own colours reach a button's palette; the window's tells the scheme.
        scheme = shades(QApplication.palette())
        colour = str(getattr(scheme, _TEXT_SHADE[self._look]))
        if self._made_of != (self._drawing, colour):
            self._made_of = (self._drawing, colour)
            side = self.iconSize().height()
            self.setIcon(icon(self._drawing, colour, scheme.faint, side, self._room))


class CopyButton(IconButton):
    """Copies a text and says so for two seconds."""

    def __init__(self, what: str, look: Look = "primary") -> None:
        self._said = f"Copy {what}"
        super().__init__(self._said, "copy", look)
        self._text = ""
        self._back = QTimer(self, singleShot=True, interval=2000)
        self._back.timeout.connect(self._restore)
        self.clicked.connect(self._copy)
        self.setEnabled(False)

    def set_text_to_copy(self, text: str) -> None:
        """What a press puts on the clipboard."""
        self._text = text
        self.setEnabled(bool(text))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._text)
        self.setMinimumWidth(self.width())
        self.setText("Copied")
        self.set_drawing("check")
        self._back.start()

    def _restore(self) -> None:
        self.setText(self._said)
        self.set_drawing("copy")
