"""The last minute of two rates as lines, what goes up solid and what comes down dashed."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.theme import shades
from app.gui.words import kbit

SPAN = 60.0
"""Seconds shown."""

Sample = tuple[float, float | None, float | None]
"""When, rate up, rate down; in seconds and kbit/s, None where not known."""


def nice_top(value: float) -> float:
    """The next round number at or above `value`: 1, 2 or 5 times a power of ten."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


class Sparkline(QWidget):
    """Two rolling lines on one scale from 0 to a round number, written beside them.

    `clock` gives seconds that never go back.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._what = what
        self._clock = clock
        self._samples: deque[Sample] = deque()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._describe()

    @property
    def samples(self) -> list[Sample]:
        """What the lines go through, oldest first."""
        return list(self._samples)

    @property
    def top(self) -> float:
        """The rate, in kbit/s, at the upper edge."""
        rates = (rate for _, *both in self._samples for rate in both if rate is not None)
        return nice_top(max(rates, default=0.0))

    def add(self, up: float | None, down: float | None) -> None:
        """Append the rates of now."""
        now = self._clock()
        self._samples.append((now, up, down))
        while self._samples and self._samples[0][0] < now - SPAN:
            self._samples.popleft()
        self._describe()
        self.update()

    def clear(self) -> None:
        """Forget all."""
        self._samples.clear()
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        height = self.fontMetrics().height()
        return QSize(height * 9, round(height * 2.2))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        height = self.fontMetrics().height()
        return QSize(height * 4, height * 2)

    def _describe(self) -> None:
        _, up, down = self._samples[-1] if self._samples else (0, None, None)
        self.setAccessibleName(
            f"{self._what} over the last minute; now {kbit(up)} up, {kbit(down)} down, in kbit/s"
        )

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        scheme = shades(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.8)
        painter.setFont(font)
        label = f"{self.top:g}" if self._samples else ""
        room = painter.fontMetrics().horizontalAdvance("000.0") + 6
        line = painter.fontMetrics().height()
        plot = QRectF(self.rect()).adjusted(2, line / 2, -room, -line / 2)
        painter.setPen(QPen(QColor(scheme.line), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.drawLine(plot.topLeft(), plot.topRight())
        painter.setPen(QColor(scheme.soft))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for text, y in ((label, plot.top()), ("0" if label else "", plot.bottom())):
            box = QRectF(plot.right(), y - line / 2, room - 2, line)
            painter.drawText(box, int(right), text)
        solid = QPen(QColor(scheme.accent), 2)
        dashed = QPen(QColor(scheme.second), 2, Qt.PenStyle.DashLine)
        for index, pen in ((2, dashed), (1, solid)):
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            for run in self._runs(index, plot):
                painter.drawPolyline(run)

    def _runs(self, index: int, plot: QRectF) -> list[QPolygonF]:
        now, top = self._clock(), self.top
        runs: list[QPolygonF] = [QPolygonF()]
        for sample in self._samples:
            rate = sample[index]
            if rate is None:
                runs.append(QPolygonF())
                continue
            x = plot.right() - (now - sample[0]) / SPAN * plot.width()
            y = plot.bottom() - rate / top * plot.height()
            runs[-1].append(QPointF(max(x, plot.left()), y))
        return [run for run in runs if run.size() > 1]


class LineSample(QWidget):
    """A short piece of one of the lines, for the legend."""

    def __init__(self, dashed: bool) -> None:
        super().__init__()
        self._dashed = dashed
        height = self.fontMetrics().height()
        self.setFixedSize(round(height * 1.5), height)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        scheme = shades(self.palette())
        painter = QPainter(self)
        style = Qt.PenStyle.DashLine if self._dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(QColor(scheme.second if self._dashed else scheme.accent), 2, style))
        painter.drawLine(0, self.height() // 2, self.width(), self.height() // 2)
