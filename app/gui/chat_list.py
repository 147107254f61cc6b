"""What was written in the call, as a list: who, when, the text, and how far an own message came.

The text is drawn as plain text and nothing in it can be clicked: a link is seen whole, and copied.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QAbstractTextDocumentLayout as TextLayout
from PySide6.QtGui import (
    QAction,
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPalette,
    QResizeEvent,
    QTextDocument,
    QTextOption,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from app.core.chat import HISTORY, ChatLine, Mark
from app.gui.icons import paint_icon
from app.gui.theme import Shades, shades

_GAP = 8
_PADDING = 10
_WIDEST = 0.86
"""Of the list's width, what a message may take, so that one sees whose it is."""

_MARKS = {
    Mark.SENDING: ("refresh", "soft"),
    Mark.DELIVERED: ("check", "accent"),
    Mark.NOT_DELIVERED: ("warning", "warning"),
}
_LINE = Qt.ItemDataRole.UserRole
_Index = QModelIndex | QPersistentModelIndex


def clock_time(at: float) -> str:
    """The hour and minute of a Unix time, here."""
    return time.strftime("%H:%M", time.localtime(at))


def line_in_words(line: ChatLine) -> str:
    """A line as text, for screen readers and the clipboard: "Ben, 14:03: hello"."""
    mark = f" ({line.mark_in_words})" if line.mark in (Mark.SENDING, Mark.NOT_DELIVERED) else ""
    return f"{_who(line)}, {clock_time(line.at)}{mark}: {line.text}"


def _who(line: ChatLine) -> str:
    return "You" if line.own else line.who


class ChatList(QListWidget):
    """The history. Arrow keys walk it, Ctrl+C copies the lines chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("chat")
        self.setAccessibleName("Messages of this call, the newest last")
        self.setItemDelegate(_Bubbles(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        copy = QAction("Copy message", self)
        copy.triggered.connect(self.copy_chosen)
        self.addAction(copy)
        self._at_end = True
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._stay_at_end)

    @property
    def lines(self) -> list[ChatLine]:
        """What is shown."""
        return [self.item(row).data(_LINE) for row in range(self.count())]

    def show_lines(self, lines: Sequence[ChatLine]) -> None:
        """Show a history; only what is new or changed is touched, so that nothing jumps."""
        first = lines[0].number if lines else None
        while self.count() and (first is None or self.item(0).data(_LINE).number < first):
            self.takeItem(0)
        for row, line in enumerate(lines):
            if row == self.count():
                self.addItem(QListWidgetItem())
            item = self.item(row)
            if item.data(_LINE) != line:
                item.setData(_LINE, line)
                item.setText(line_in_words(line))
        while self.count() > len(lines):
            self.takeItem(self.count() - 1)
        if lines and lines[-1].own:
            self._at_end = True
            self.scrollToBottom()

    def copy_chosen(self) -> None:
        """Put the text of the chosen lines on the clipboard; of several, with who said it."""
        chosen = sorted((item.data(_LINE) for item in self.selectedItems()), key=lambda x: x.number)
        if len(chosen) == 1:
            QApplication.clipboard().setText(chosen[0].text)
        elif chosen:
            QApplication.clipboard().setText("\n".join(map(line_in_words, chosen)))

    def _scrolled(self, value: int) -> None:
        self._at_end = value >= self.verticalScrollBar().maximum() - _GAP

    def _stay_at_end(self, lowest: int, highest: int) -> None:
        if self._at_end:
            self.verticalScrollBar().setValue(highest)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_chosen()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()


class _Bubbles(QStyledItemDelegate):
    """Draws a message in a rounded box, one's own on the right."""

    def __init__(self, owner: QListWidget) -> None:
        super().__init__(owner)
        self._list = owner
        self._heights: dict[tuple[str, bool], int] = {}
        self._made_for: tuple[int, QFont] | None = None

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:  # noqa: N802
        line: ChatLine = index.data(_LINE)
        width = self._list.viewport().width()
        if self._made_for != (width, self._list.font()) or len(self._heights) > 2 * HISTORY:
            self._made_for = width, self._list.font()
            self._heights.clear()
        # Kept, since with each new message the list asks for all, and text takes long to lay out.
        height = self._heights.get((line.text, line.own))
        if height is None:
            height = self._heights[line.text, line.own] = self._height(line, width)
        # Never wider than the list, else it would scroll sideways; the box finds its own width.
        return QSize(1, height)

    def _height(self, line: ChatLine, width: int) -> int:
        text = self._text(line, width)
        height = self._head_height() * (2 if line.own else 1) + text.size().height()
        return round(height) + 2 * _PADDING + _GAP

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        line: ChatLine = index.data(_LINE)
        # The style sheet's transparent background is in the list's palette, not the scheme's.
        scheme = shades(QApplication.palette())
        room = QRectF(option.rect)
        text = self._text(line, round(room.width()))
        head = self._head_height()
        foot = self._small().horizontalAdvance(line.mark_in_words) + 1.6 * head if line.own else 0
        title = self._small(strong=True).horizontalAdvance(_who(line)) + 8
        title += self._small().horizontalAdvance(clock_time(line.at))
        widest = room.width() * _WIDEST
        width = min(max(text.idealWidth() + 1, title, foot) + 2 * _PADDING, widest)
        text.setTextWidth(width - 2 * _PADDING)  # Else what goes right to left is far right.
        box = QRectF(room.left(), room.top(), width, room.height() - _GAP)
        if line.own:
            box.moveRight(room.right())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_box(painter, box, line, scheme, option)
        inner = box.adjusted(_PADDING, _PADDING, -_PADDING, -_PADDING)
        self._draw_head(painter, inner, line, scheme)
        painter.translate(QPointF(inner.left(), inner.top() + head))
        context = TextLayout.PaintContext()
        context.palette.setColor(QPalette.ColorRole.Text, QColor(scheme.text))
        text.documentLayout().draw(painter, context)
        painter.restore()
        if line.own:
            self._draw_mark(painter, inner, line, scheme)

    def _draw_box(
        self,
        painter: QPainter,
        box: QRectF,
        line: ChatLine,
        scheme: Shades,
        option: QStyleOptionViewItem,
    ) -> None:
        chosen = option.state & QStyle.StateFlag.State_Selected
        painter.setPen(QColor(scheme.accent) if chosen else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(scheme.accent_soft if line.own else scheme.window))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)

    def _draw_head(self, painter: QPainter, inner: QRectF, line: ChatLine, scheme: Shades) -> None:
        stamp = clock_time(line.at)
        room = inner.width() - self._small().horizontalAdvance(stamp) - 8
        bold = self._small(strong=True)
        name = bold.elidedText(_who(line), Qt.TextElideMode.ElideRight, round(room))
        box = QRectF(inner.left(), inner.top(), inner.width(), self._head_height())
        painter.setFont(self._font(strong=True))
        painter.setPen(QColor(scheme.text))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft), name)
        painter.setFont(self._font())
        painter.setPen(QColor(scheme.soft))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignRight), stamp)

    def _draw_mark(self, painter: QPainter, inner: QRectF, line: ChatLine, scheme: Shades) -> None:
        assert line.mark is not None
        drawing, shade = _MARKS[line.mark]
        height = self._head_height()
        side = height * 0.8
        box = QRectF(inner.left(), inner.bottom() - height, inner.width(), height)
        words = box.adjusted(0, 0, -side - 4, 0)
        mark = QRectF(box.right() - side, box.center().y() - side / 2, side, side)
        colour = str(getattr(scheme, shade))
        plain = line.mark is Mark.DELIVERED
        painter.save()
        painter.setFont(self._font())
        painter.setPen(QColor(scheme.soft if plain else colour))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(words, int(right), line.mark_in_words)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_icon(painter, drawing, colour, mark)
        painter.restore()

    def _text(self, line: ChatLine, width: int) -> QTextDocument:
        document = QTextDocument()
        document.setDocumentMargin(0)
        document.setDefaultFont(self._list.font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        document.setDefaultTextOption(option)
        document.setPlainText(line.text)
        document.setTextWidth(max(width * _WIDEST - 2 * _PADDING, 1))
        return document

    def _font(self, *, strong: bool = False) -> QFont:
        font = QFont(self._list.font())
        font.setPointSizeF(font.pointSizeF() * 0.88)
        font.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
        return font

    def _small(self, *, strong: bool = False) -> QFontMetrics:
        return QFontMetrics(self._font(strong=strong))

    def _head_height(self) -> float:
        return float(self._small().height()) + 3
