"""What a person should know, in sentences with time and severity; visible from every page."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
)

from app.core.state import Notice
from app.gui.buttons import IconButton
from app.gui.card import Text
from app.gui.icons import IconMark, icon, severity_mark
from app.gui.theme import shades

KEPT = 500
_SAME_SECONDS = 3.0


class _List(QListWidget):
    """The log itself; Ctrl+C copies the lines chosen."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            lines = [item.text() for item in self.selectedItems()]
            QApplication.clipboard().setText("\n".join(lines))
            return
        super().keyPressEvent(event)


class NoticeLog(QFrame):
    """A bar with the latest notice; its button unfolds all of them. `clock` gives Unix time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._last: tuple[Notice, float] | None = None
        self.setObjectName("noticeBar")
        self.setAccessibleName("Notices")
        self.list = _List()
        self.list.setAccessibleName("All notices, the newest last")
        self.list.setWordWrap(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setFixedHeight(self.fontMetrics().height() * 8)
        side = self.fontMetrics().height()
        self.list.setIconSize(QSize(side, side))
        self.list.hide()
        self._mark = IconMark("info", "faint", 1.1)
        self._latest = _Elided()
        self.toggle = IconButton("Notices", "chevron-up", "quiet")
        self.toggle.setCheckable(True)
        self.toggle.setStyleSheet("QPushButton:checked { background: transparent; }")
        self.toggle.setAccessibleName("Show all notices")
        self.toggle.toggled.connect(self._unfold)
        bar = QHBoxLayout()
        bar.setSpacing(10)
        bar.addWidget(self._mark)
        bar.addWidget(self._latest, 1)
        bar.addWidget(self.toggle)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 4, 14, 4)
        column.setSpacing(2)
        column.addWidget(self.list)
        column.addLayout(bar)

    def add(self, notice: Notice) -> None:
        """Put a notice at the end of the log. The same one twice within seconds is one."""
        now = self._clock()
        if self._last and self._last[0] == notice and now - self._last[1] < _SAME_SECONDS:
            return
        self._last = (notice, now)
        scheme = shades(self.palette())
        drawing, colour, word = severity_mark(notice.severity, scheme)
        stamp = time.strftime("%H:%M:%S", time.localtime(now))
        item = QListWidgetItem(f"{stamp}  {word}: {notice.text}")
        item.setIcon(icon(drawing, colour, colour, self.list.iconSize().width()))
        item.setData(Qt.ItemDataRole.UserRole, notice)
        self.list.addItem(item)
        if self.list.count() > KEPT:
            self.list.takeItem(0)
        self.list.scrollToBottom()
        shade = {"info": "soft", "warning": "warning", "error": "danger"}[notice.severity]
        self._mark.set_icon(drawing, shade)
        self._latest.say(item.text())
        self.toggle.setText(f"Notices ({self.list.count()})")
        QAccessible.updateAccessibility(QAccessibleEvent(self._latest, QAccessible.Event.Alert))

    @property
    def latest(self) -> str:
        """The sentence shown in the bar."""
        return self._latest.whole

    def _unfold(self, unfolded: bool) -> None:
        self.list.setVisible(unfolded)
        self.toggle.set_drawing("chevron-down" if unfolded else "chevron-up")
        self.toggle.setAccessibleName("Hide the notices" if unfolded else "Show all notices")


class _Elided(Text):
    """One line that ends in "…" where there is no room; the tooltip has the rest."""

    def __init__(self) -> None:
        super().__init__("Nothing to tell.", shade="soft")
        self.whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def say(self, text: str) -> None:
        self.whole = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.whole:
            elide = Qt.TextElideMode.ElideRight
            self.setText(self.fontMetrics().elidedText(self.whole, elide, self.width()))
