"""Figures in words: units and rounding, and a dash for what is not known."""

from __future__ import annotations

import math

from app.net.cost import OPUS_KBIT, opus_bytes

UNKNOWN = "–"


def known(value: float | None) -> bool:
    """Whether a figure is one at all."""
    return value is not None and math.isfinite(value)


def kbit(value: float | None) -> str:
    """A rate in kbit/s, without its unit: "0.65", "19.8", "120"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def milliseconds(value: float | None) -> str:
    """A duration: "84 ms", "0.4 ms"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.1f} ms" if value < 9.95 else f"{value:.0f} ms"


def percent(share: float | None) -> str:
    """A share of 0 to 1 as "1.3 %"; ten and above without decimals."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    value = 100 * share
    return f"{value:.1f} %" if value < 9.95 else f"{value:.0f} %"


def decibels(value: float | None) -> str:
    """A level: "−23 dBFS"; below −90 it is "silent"."""
    if value is None or math.isnan(value):
        return UNKNOWN
    return "silent" if value < -90 else f"{value:.0f} dBFS".replace("-", "−")


def count(value: int | None) -> str:
    """A number with thin spaces between thousands."""
    return UNKNOWN if value is None else f"{value:,}".replace(",", "\u202f")


def duration(seconds: float) -> str:
    """A call's length: "0:07", "12:31", "1:02:03"."""
    whole = max(int(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(octets: int | None) -> str:
    """An amount of data: "812 B", "48.2 kB", "1.20 MB"."""
    if octets is None:
        return UNKNOWN
    if octets < 1000:
        return f"{octets} B"
    return f"{octets / 1000:.1f} kB" if octets < 1_000_000 else f"{octets / 1_000_000:.2f} MB"


def beside_opus(wire_bytes: int, seconds: float) -> str:
    """What so many seconds with a peer took both ways, and what they would have by Opus."""
    opus = opus_bytes(seconds)
    took = f"{size(wire_bytes)} on the wire so far, both ways together."
    if not wire_bytes or not opus:
        return took
    return (
        f"{took} By Opus at {OPUS_KBIT:.0f} kbit/s the same minutes would have cost "
        f"{size(opus)}, {opus / wire_bytes:.1f} times as much."
    )


def countdown(seconds: float) -> str:
    """What is left of a link's life, in words."""
    left = max(math.ceil(seconds), 0)
    if not left:
        return "This link has expired. Cancel, and start a new call."
    if left >= 3600:
        return f"Valid for {left // 3600} h {left // 60 % 60} min"
    return f"Valid for {left // 60}:{left % 60:02} min"
