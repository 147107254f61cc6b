"""Where the time goes between a mouth and an ear: a bar cut into its parts."""

from __future__ import annotations

import math
from dataclasses import fields

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.core.meter import LatencyParts
from app.gui.theme import shades
from app.gui.words import milliseconds

PART_NAMES = {
    "capture": "Microphone",
    "chunk": "Filling a chunk",
    "encode": "Encoding",
    "network": "Network",
    "jitter": "Jitter buffer",
    "decode": "Decoding",
    "playout": "Loudspeaker",
}


def parts_of(latency: LatencyParts | None) -> dict[str, float | None]:
    """Each part in ms, in the order it happens; None where it is not known."""
    if latency is None:
        return dict.fromkeys(PART_NAMES)
    return {field.name: getattr(latency, field.name) for field in fields(latency)}


def total_in_words(latency: LatencyParts | None) -> str:
    """The mouth-to-ear estimate; "at least" when a part of it is not known."""
    if latency is None:
        return milliseconds(None)
    figure = milliseconds(latency.mouth_to_ear)
    return figure if latency.is_whole else f"at least {figure}"


def bar_scale(longest_ms: float) -> float:
    """How many ms a bar's whole width stands for: the next 50 above the longest latency."""
    return max(math.ceil(longest_ms / 50), 1) * 50.0


class LatencyBar(QWidget):
    """The parts of one direction, drawn to the scale `show_latency` is given."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._scale = 1.0
        self.latency: LatencyParts | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_latency(None, 1.0)

    def show_latency(self, latency: LatencyParts | None, full_ms: float) -> None:
        """Show a latency; the whole width of the bar is `full_ms`."""
        self.latency = latency
        self._scale = max(full_ms, 1.0)
        listed = ", ".join(
            f"{PART_NAMES[name]} {milliseconds(part)}" for name, part in parts_of(latency).items()
        )
        self.setAccessibleName(f"{self._what}, {total_in_words(latency)}: {listed}")
        self.setToolTip(listed.replace(", ", "\n"))
        self.update()

    def segments(self) -> list[tuple[str, float, float]]:
        """What is drawn: part, left edge and width in pixels."""
        drawn, x = [], 0.0
        for name, part in parts_of(self.latency).items():
            width = (part or 0.0) / self._scale * self.width()
            if width > 0:
                drawn.append((name, x, width))
            x += width
        return drawn

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        height = self.fontMetrics().height()
        return QSize(height * 12, round(height * 1.05))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self.fontMetrics().height() * 6, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        scheme = shades(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(whole, 6, 6)
        painter.setClipPath(shape)
        painter.fillRect(whole, QColor(scheme.line))
        colours = dict(zip(PART_NAMES, scheme.parts, strict=True))
        for name, x, width in self.segments():
            gap = 1.0 if width > 3 else 0.0
            box = QRectF(x, 0, width - gap, whole.height())
            painter.fillRect(box, QColor(colours[name]))


class Swatch(QWidget):
    """The colour of one part, for the legend."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._index = list(PART_NAMES).index(part)
        side = round(self.fontMetrics().height() * 0.7)
        self.setFixedSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(shades(self.palette()).parts[self._index]))
        painter.drawRoundedRect(self.rect(), 3, 3)
