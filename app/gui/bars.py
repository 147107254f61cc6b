"""Bars that fill from the left: how loud a signal is, and how busy a thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.theme import Shades, shades
from app.gui.words import decibels, percent

QUIETEST = -60.0
LOUD = -3.0
PEAK_SECONDS = 1.5


class _Bar(QWidget):
    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self.setAccessibleName(what)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        height = self.fontMetrics().height()
        return QSize(height * 7, max(round(height * 0.55), 8))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self.fontMetrics().height() * 3, self.sizeHint().height())

    def _fill(self, painter: QPainter, scheme: Shades, share: float, colour: str) -> QRectF:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(whole, whole.height() / 2, whole.height() / 2)
        painter.setClipPath(shape)
        painter.fillRect(whole, QColor(scheme.line))
        filled = QRectF(0, 0, whole.width() * min(max(share, 0.0), 1.0), whole.height())
        painter.fillRect(filled, QColor(colour))
        return whole


class LevelBar(_Bar):
    """A level in dBFS, with a mark that stays at the loudest of the last moments.

    `clock` gives seconds that never go back.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(what)
        self._clock = clock
        self.level: float | None = None
        self._peak: tuple[float, float] | None = None

    @property
    def peak(self) -> float | None:
        """The loudest level of the last moments, in dBFS."""
        return self._peak[0] if self._peak else None

    def show_level(self, level: float | None) -> None:
        """Show a level, None when there is none."""
        self.level = None if level is None or math.isnan(level) else level
        now = self._clock()
        if self.level is None:
            self._peak = None
        elif self._peak is None or self.level >= self._peak[0] or now > self._peak[1]:
            self._peak = (self.level, now + PEAK_SECONDS)
        self.setAccessibleName(f"{self._what}: {decibels(self.level)}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        scheme = shades(self.palette())
        painter = QPainter(self)
        level = QUIETEST if self.level is None else self.level
        colour = scheme.warning if level > LOUD else scheme.accent
        whole = self._fill(painter, scheme, 1 - level / QUIETEST, colour)
        if self.peak is not None and self.peak > QUIETEST:
            x = min(1 - self.peak / QUIETEST, 1.0) * whole.width()
            painter.fillRect(QRectF(x - 3, 0, 3, whole.height()), QColor(scheme.text))


class LoadBar(_Bar):
    """A share of one core's time; full at 1, where a thread cannot keep up any more."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.load: float | None = None

    def show_load(self, load: float | None) -> None:
        """Show a load, None when there is none."""
        self.load = load
        self.setAccessibleName(f"{self._what}: {percent(load)} of one core")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        scheme = shades(self.palette())
        load = self.load or 0.0
        colour = scheme.danger if load >= 1 else scheme.warning if load > 0.8 else scheme.accent
        self._fill(QPainter(self), scheme, load, colour)
