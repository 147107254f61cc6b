"""Colours that can be read, icons that can be drawn."""

from __future__ import annotations

from importlib import resources

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from app.gui.icons import app_icon, pixmap
from app.gui.theme import DARK, LIGHT, Shades, palette_of, shades, style_sheet


def _luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    one = QColor(colour)
    red, green, blue = map(linear, (one.redF(), one.greenF(), one.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(scheme: Shades) -> None:
    for text, back in (
        (scheme.text, scheme.window),
        (scheme.text, scheme.card),
        (scheme.soft, scheme.window),
        (scheme.soft, scheme.card),
        (scheme.text, scheme.warning_soft),
        (scheme.text, scheme.danger_soft),
        (scheme.warning, scheme.card),
        (scheme.danger, scheme.card),
        (scheme.on_accent, scheme.accent),
        (scheme.on_accent, scheme.accent_strong),
        (scheme.on_danger, scheme.danger),
    ):
        assert _contrast(text, back) >= 4.5, (text, back)
    assert _contrast(scheme.field_line, scheme.card) >= 3.0


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_palette_tells_its_scheme(qapp: QApplication, scheme: Shades) -> None:
    assert shades(palette_of(scheme)) is scheme
    assert "$" not in style_sheet(scheme)


def test_every_icon_draws_something(qapp: QApplication) -> None:
    names = [
        path.name.removesuffix(".svg")
        for path in resources.files("assets").joinpath("icons").iterdir()
        if path.name.endswith(".svg")
    ]
    assert "undertone" in names
    for name in names:
        image = pixmap(name, "#ff0000", 48).toImage()
        drawn = any(image.pixelColor(x, y).alpha() for x in range(48) for y in range(48))
        assert drawn, name
    assert not app_icon().isNull()
