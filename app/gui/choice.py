"""A list to choose one thing from, drawn as the rest of the window is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from app.gui.card import Text
from app.gui.icons import IconMark, paint_icon
from app.gui.theme import shades


class Choice(QComboBox):
    """A drop-down list that may be narrower than its entries."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        event.ignore()  # scrolling a page must not choose something on the way

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        style_painter = QStylePainter(self)
        style_painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        edit = QStyle.SubControl.SC_ComboBoxEditField
        kind = QStyle.ComplexControl.CC_ComboBox
        room = self.style().subControlRect(kind, option, edit, self).width()
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room - 4
        )
        style_painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        style_painter.end()
        scheme = shades(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = float(min(round(self.fontMetrics().height() * 0.9), 20))
        box = QRectF(self.width() - side - 11, (self.height() - side) / 2, side, side)
        paint_icon(painter, "chevron-down", scheme.soft, box)


def labelled(owner: QWidget, icon: str, word: str, choice: Choice, meaning: QWidget) -> QGridLayout:
    """Lay out in `owner` an icon, a word, the list, and below it what the chosen one means."""
    label = Text(word)
    label.setMinimumWidth(label.fontMetrics().horizontalAdvance("Loudspeaker"))
    label.setBuddy(choice)
    grid = QGridLayout(owner)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(2, 1)
    grid.addWidget(IconMark(icon), 0, 0)
    grid.addWidget(label, 0, 1)
    grid.addWidget(choice, 0, 2)
    grid.addWidget(meaning, 1, 2)
    return grid
