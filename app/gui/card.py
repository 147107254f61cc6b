"""The blocks pages are laid out with: cards, headings, captions, and rows that fold when narrow."""

from __future__ import annotations

import html

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.gui.theme import shades

_MARGIN = 24
_SCROLL_BAR = 12
"""Width of a scroll bar, as the style sheet has it."""


class Text(QLabel):
    """A piece of text: `scale` is its size relative to the window's, `shade` its colour."""

    def __init__(
        self,
        text: str = "",
        *,
        scale: float = 1.0,
        strong: bool = False,
        shade: str = "text",
        wrap: bool = False,
    ) -> None:
        super().__init__(text)
        self._shade = shade
        self._coloured = ""
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * scale)
        if strong:
            font.setWeight(QFont.Weight.DemiBold)
        self.setFont(font)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self._paint()

    def setToolTip(self, text: str) -> None:  # noqa: N802 - Qt's name
        # Qt takes what looks like HTML for that, and would fetch the pictures a stranger names.
        super().setToolTip(f"<span>{html.escape(text)}</span>" if text else "")

    def set_shade(self, shade: str) -> None:
        """Change the colour, by its name in `Shades`."""
        self._shade = shade
        self._paint()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint()

    def _paint(self) -> None:
        colour = str(getattr(shades(self.palette()), self._shade))
        if colour != self._coloured:  # setting a palette is itself a palette change
            self._coloured = colour
            palette = QPalette(self.palette())
            palette.setColor(QPalette.ColorRole.WindowText, colour)
            self.setPalette(palette)


def heading(text: str, scale: float = 1.12) -> Text:
    """The title of a card."""
    return Text(text, scale=scale, strong=True)


def caption(text: str = "", *, wrap: bool = True) -> Text:
    """An explanation, quieter than other text."""
    return Text(text, shade="soft", wrap=wrap)


class Figures(Text):
    """A number that changes in place: its digits all have one width, so that nothing jumps."""

    def __init__(self, widest: str, *, scale: float = 1.0, strong: bool = False) -> None:
        super().__init__("–", scale=scale, strong=strong)
        font = QFont(self.font())
        if hasattr(font, "setFeature"):  # Qt 6.7 and later
            font.setFeature(QFont.Tag("tnum"), 1)
        self.setFont(font)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance(widest))
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class Card(QFrame):
    """A rounded box. Put content into `column`."""

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.setObjectName("card")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(20, 18, 20, 18)
        self.column.setSpacing(12)
        if title:
            self.column.addWidget(heading(title))
            self.setAccessibleName(title)


class FoldingRow(QWidget):
    """Widgets side by side; one below the other when there is no room for that.

    The room left over goes to all alike, or, if not `even`, to the first.
    """

    def __init__(self, *widgets: QWidget, even: bool = True) -> None:
        super().__init__()
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(16)
        for widget in widgets:
            self._row.addWidget(widget, 1 if even or widget is widgets[0] else 0)
        self._widgets = widgets

    @property
    def is_folded(self) -> bool:
        """Whether the widgets are below each other."""
        return self._row.direction() == QBoxLayout.Direction.TopToBottom

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        needed = sum(widget.minimumSizeHint().width() for widget in self._widgets)
        fits = self.width() >= needed + self._row.spacing() * (len(self._widgets) - 1)
        self._row.setDirection(
            QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        )

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        hint = super().minimumSizeHint()
        hint.setWidth(max(widget.minimumSizeHint().width() for widget in self._widgets))
        return hint


def centre(row: QHBoxLayout, widget: QWidget, width: int) -> None:
    """Put a widget into the middle of an empty row, at most `width` pixels wide.

    With large letters it may be wider, so that it holds as many of them.
    """
    widget.setMaximumWidth(max(width, round(width * widget.fontMetrics().height() / 16)))
    row.setSpacing(0)
    row.addStretch(1)
    row.addWidget(widget, 1000)
    row.addStretch(1)


class Page(QScrollArea):
    """A page of the window: a centred column that scrolls when the window is small."""

    def __init__(self, name: str, width: int = 720, *, top: int = _MARGIN) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # Its place is kept, so that nothing moves when a page grows longer than the window.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setObjectName("page")
        outer = QHBoxLayout(inner)
        outer.setContentsMargins(_MARGIN, top, _MARGIN - _SCROLL_BAR, _MARGIN)
        middle = QWidget()
        self.column = QVBoxLayout(middle)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(16)
        centre(outer, middle, width)
        self.setWidget(inner)

    def show_error(self, sentence: str) -> None:
        """Say near what was tried that it was refused. Pages with a place for it override this."""

    def focus_first(self) -> None:
        """Give the keyboard to what one most likely wants first."""
