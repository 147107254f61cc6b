"""The blocks pages are laid out with: cards, headings, captions, and rows that fold when narrow."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFont, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.gui.theme import shades


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
    """Widgets side by side, of equal width; one below the other when there is no room for that."""

    def __init__(self, *widgets: QWidget, spacing: int = 16) -> None:
        super().__init__()
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(spacing)
        for widget in widgets:
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, widget.sizePolicy().verticalPolicy())
            self._row.addWidget(widget, 1)
        self._widgets = widgets

    @property
    def is_folded(self) -> bool:
        """Whether the widgets are below each other."""
        return self._row.direction() == QBoxLayout.Direction.TopToBottom

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        widest = max(widget.minimumSizeHint().width() for widget in self._widgets)
        gaps = self._row.spacing() * (len(self._widgets) - 1)
        fits = self.width() >= widest * len(self._widgets) + gaps
        self._row.setDirection(
            QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        )

    def minimumSizeHint(self):  # type: ignore[no-untyped-def]  # noqa: N802 - Qt's name
        hint = super().minimumSizeHint()
        hint.setWidth(max(widget.minimumSizeHint().width() for widget in self._widgets))
        return hint


class Page(QScrollArea):
    """A page of the window: a centred column that scrolls when the window is small."""

    def __init__(self, name: str, width: int = 720) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setObjectName("page")
        outer = QVBoxLayout(inner)
        outer.setContentsMargins(24, 24, 24, 24)
        middle = QWidget()
        middle.setMaximumWidth(width)
        self.column = QVBoxLayout(middle)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(16)
        outer.addWidget(middle)
        outer.setAlignment(middle, Qt.AlignmentFlag(0))
        self.setWidget(inner)

    def show_error(self, sentence: str) -> None:
        """Say near what was tried that it was refused. Pages with a place for it override this."""

    def focus_first(self) -> None:
        """Give the keyboard to what one most likely wants first."""
