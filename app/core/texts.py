"""Texts from strangers, made safe to show, and texts of one's own, made to fit.

What does not print could steer a terminal, and marks of writing direction could make a text read
as another than it is (Unicode Technical Report 36, section 2.6), so neither is let through.
"""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Persian and Indic letters and most emoji of several signs are wrong without these."""

_BREAKS = re.compile("\r\n|[\r\v\f\u0085\u2028\u2029]")
_MANY_BREAKS = re.compile("[ \n]*\n[ \n]*\n[ \n]*\n")


def cut_text(text: str, limit: int) -> bytes:
    """`text` as UTF-8, cut to at most `limit` bytes without splitting a character."""
    raw = text.encode("utf-8", "replace")[:limit]
    return raw.decode("utf-8", "ignore").encode("utf-8")


def plain_text(raw: bytes) -> str:
    """UTF-8 from a stranger as a line safe to show: what does not print becomes "?".

    Raises UnicodeDecodeError.
    """
    return "".join(char if char.isprintable() else "?" for char in raw.decode("utf-8"))


def clean_lines(text: str) -> str:
    """A text of several lines, safe to show. Done twice it is the same; it never gets longer.

    Line breaks of all kinds become newlines, at most two in a row; every space and tab a space;
    invisible marks go; anything else that does not print becomes "?".
    """
    clean = "".join(map(_shown, _BREAKS.sub("\n", text)))
    return _MANY_BREAKS.sub("\n\n", clean).strip()


def _shown(char: str) -> str:
    if char.isprintable() or char == "\n" or char in _JOINERS:
        return char
    kind = unicodedata.category(char)
    if kind == "Zs" or char == "\t":
        return " "
    return "" if kind == "Cf" else "?"
