"""Light and dark: the colours of the window, and how they reach every widget.

The system's choice is followed, and followed again when it changes. Each scheme is a `Shades`,
set as the application's QPalette and filled into the style sheet; what a widget paints itself
asks `shades(self.palette())`, so a palette is all it takes to repaint anything in either scheme.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import resources
from string import Template
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

Scheme = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Shades:
    """Every colour of one scheme, as #rrggbb. Text on its background has a contrast of 4.5 : 1."""

    window: str
    card: str
    line: str
    text: str
    soft: str
    faint: str
    field: str
    field_line: str
    accent: str
    accent_strong: str
    accent_soft: str
    on_accent: str
    ring: str
    second: str
    danger: str
    danger_strong: str
    danger_soft: str
    on_danger: str
    warning: str
    warning_soft: str
    parts: tuple[str, ...]
    """The seven parts of the latency, in order."""


LIGHT = Shades(
    window="#f3f6f7",
    card="#ffffff",
    line="#dfe5e8",
    text="#17212a",
    soft="#53616c",
    faint="#84909a",
    field="#ffffff",
    field_line="#8795a0",
    accent="#0b7a75",
    accent_strong="#08625e",
    accent_soft="#dff1ef",
    on_accent="#ffffff",
    ring="#8fd6d0",
    second="#4a6fa5",
    danger="#b3263a",
    danger_strong="#931d2f",
    danger_soft="#fbe8ea",
    on_danger="#ffffff",
    warning="#8a5a00",
    warning_soft="#fdf2d8",
    parts=("#5b8db8", "#0b7a75", "#7fae5f", "#c78d34", "#b8648c", "#8b78c0", "#71808c"),
)

DARK = Shades(
    window="#13171a",
    card="#1b2125",
    line="#2d353b",
    text="#e7edf0",
    soft="#a4b1ba",
    faint="#71808b",
    field="#161b1f",
    field_line="#67757f",
    accent="#4cc9be",
    accent_strong="#72d9d0",
    accent_soft="#17383a",
    on_accent="#05211f",
    ring="#e9fffc",
    second="#8fb3e3",
    danger="#e8707a",
    danger_strong="#f08f97",
    danger_soft="#3a1e23",
    on_danger="#2a0508",
    warning="#e6b84f",
    warning_soft="#38311b",
    parts=("#7fb0da", "#4cc9be", "#a2cc85", "#e0ac58", "#d88cb0", "#ab9ae0", "#93a2ae"),
)


def shades(palette: QPalette) -> Shades:
    """The shades that go with a palette, told by how light its window is."""
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def palette_of(scheme: Shades) -> QPalette:
    """The QPalette of a scheme, disabled colours included."""
    role = QPalette.ColorRole
    palette = QPalette()
    for target, colour in (
        (role.Window, scheme.window),
        (role.WindowText, scheme.text),
        (role.Base, scheme.field),
        (role.AlternateBase, scheme.card),
        (role.Text, scheme.text),
        (role.Button, scheme.card),
        (role.ButtonText, scheme.text),
        (role.ToolTipBase, scheme.card),
        (role.ToolTipText, scheme.text),
        (role.PlaceholderText, scheme.soft),
        (role.Highlight, scheme.accent),
        (role.HighlightedText, scheme.on_accent),
        (role.Link, scheme.accent),
        (role.Mid, scheme.line),
        (role.Midlight, scheme.line),
        (role.Dark, scheme.field_line),
    ):
        palette.setColor(target, QColor(colour))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(scheme.faint))
    return palette


def style_sheet(scheme: Shades) -> str:
    """The style sheet of the window with a scheme's colours filled in."""
    text = resources.files("assets").joinpath("style/undertone.qss").read_text("utf-8")
    return Template(text).substitute(asdict(scheme))


class Theme:
    """Keeps an application in the colours chosen: the system's, or always light or dark."""

    def __init__(self, app: QApplication, scheme: Scheme = "system") -> None:
        self._app = app
        self._scheme: Scheme = scheme
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self.apply(scheme)

    def apply(self, scheme: Scheme) -> None:
        """Change to a scheme at once."""
        self._scheme = scheme
        dark = scheme == "dark" or (scheme == "system" and self._system_is_dark())
        chosen = DARK if dark else LIGHT
        self._app.setPalette(palette_of(chosen))
        self._app.setStyleSheet(style_sheet(chosen))

    def leave(self) -> None:
        """Follow the system no more."""
        self._app.styleHints().colorSchemeChanged.disconnect(self._system_changed)

    def _system_is_dark(self) -> bool:
        return self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark

    def _system_changed(self) -> None:
        if self._scheme == "system":
            self.apply("system")
