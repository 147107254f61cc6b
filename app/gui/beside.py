"""Something that can be shown beside something else, and instead of it where both have no room."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

_SECOND_EMS = 21
_FIRST_EMS = 30
_MARGIN = 24


class Beside(QWidget):
    """Shows the first; with `show_second` the second on its right, or alone in a narrow window."""

    def __init__(self, first: QWidget, second: QWidget) -> None:
        super().__init__()
        self._first, self._second = first, second
        self._unfolded = False
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(first, 1)
        self._frame = QWidget()
        self._inner = QHBoxLayout(self._frame)
        self._inner.addWidget(second)
        self._row.addWidget(self._frame)
        self._frame.hide()

    @property
    def is_narrow(self) -> bool:
        """Whether there is room for one of the two only."""
        return self.width() < self.fontMetrics().height() * (_FIRST_EMS + _SECOND_EMS)

    def show_second(self, unfolded: bool) -> None:
        """Show the second too, or the first alone."""
        self._unfolded = unfolded
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        alone = self._unfolded and self.is_narrow
        left = _MARGIN if alone else 0
        self._inner.setContentsMargins(left, 0, _MARGIN, _MARGIN)
        wide = 16_777_215 if alone else self.fontMetrics().height() * _SECOND_EMS
        self._frame.setMaximumWidth(wide)
        self._frame.setMinimumWidth(0 if alone else wide)
        self._frame.setVisible(self._unfolded)
        self._first.setVisible(not alone)
