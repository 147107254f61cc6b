"""The icons: SVG drawings in assets/icons, painted in whatever colour the palette asks for."""

from __future__ import annotations

from functools import cache
from importlib import resources

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from app.gui.theme import Shades, shades

_SIZES = (16, 24, 32, 48, 64, 128, 256)


@cache
def _drawing(name: str) -> str:
    return resources.files("assets").joinpath(f"icons/{name}.svg").read_text("utf-8")


@cache
def _renderer(name: str, colour: str) -> QSvgRenderer:
    svg = _drawing(name).replace("currentColor", colour)
    return QSvgRenderer(QByteArray(svg.encode("utf-8")))


def paint_icon(painter: QPainter, name: str, colour: str, target: QRectF) -> None:
    """Draw an icon into a rectangle."""
    _renderer(name, colour).render(painter, target)


def pixmap(name: str, colour: str, size: int, ratio: float = 1.0, room: int = 0) -> QPixmap:
    """An icon as a picture, `size` logical pixels wide and high, with `room` on its right."""
    side = round(size * ratio)
    picture = QPixmap(side + round(room * ratio), side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_icon(painter, name, colour, QRectF(0, 0, side, side))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def icon(name: str, colour: str, faint: str, size: int, room: int = 0) -> QIcon:
    """An icon for a button, sharp up to 300 % scaling, with `room` pixels free on its right."""
    made = QIcon()
    for ratio in (1.0, 1.5, 2.0, 3.0):
        made.addPixmap(pixmap(name, colour, size, ratio, room), QIcon.Mode.Normal)
        made.addPixmap(pixmap(name, faint, size, ratio, room), QIcon.Mode.Disabled)
    return made


def app_icon() -> QIcon:
    """The icon of the application, in every size a desktop may ask for."""
    made = QIcon()
    for size in _SIZES:
        made.addPixmap(pixmap("undertone", "#000000", size))
    return made


class IconMark(QWidget):
    """An icon that stands beside text; the text says the same, so screen readers skip it.

    `shade` names the colour in `Shades`; the size follows the font.
    """

    def __init__(self, name: str, shade: str = "soft", ems: float = 1.3) -> None:
        super().__init__()
        self._name = name
        self._shade = shade
        self._ems = ems
        self.setFixedSize(self.sizeHint())

    def set_icon(self, name: str, shade: str) -> None:
        """Show another icon."""
        self._name, self._shade = name, shade
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        side = round(self.fontMetrics().height() * self._ems)
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = str(getattr(shades(self.palette()), self._shade))
        paint_icon(painter, self._name, colour, QRectF(self.rect()))


def severity_mark(severity: str, scheme: Shades) -> tuple[str, str, str]:
    """Icon name, colour and word of a notice's severity."""
    return {
        "info": ("info", scheme.soft, "Note"),
        "warning": ("warning", scheme.warning, "Warning"),
        "error": ("error", scheme.danger, "Error"),
    }[severity]
