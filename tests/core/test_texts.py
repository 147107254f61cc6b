from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.texts import clean_lines, cut_text, plain_text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("  out \t of\u00a0line\u202f! ", "out   of line !"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("a\n \n  \nb", "a\n\nb"),
        ("pay \u202egpj.exe\u202c now", "pay gpj.exe now"),
        ("\x1b[2Jgone\x00", "?[2Jgone?"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀 ❤️", "👩\u200d🚀 ❤️"),
        ("\ufeff\u200e \n", ""),
    ],
)
def test_what_is_shown_of_what_was_written(written: str, shown: str) -> None:
    assert clean_lines(written) == shown


@given(st.text())
def test_clean_text_is_clean_stays_so_and_is_no_longer(text: str) -> None:
    clean = clean_lines(text)
    assert clean_lines(clean) == clean
    assert len(clean.encode("utf-8")) <= len(text.encode("utf-8", "surrogatepass"))
    kinds = {unicodedata.category(char) for char in clean if char not in "\n\u200c\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_a_line_from_a_stranger_is_one_line() -> None:
    assert plain_text("\x1b[2Jé\u202e\n".encode()) == "?[2Jé??"


@given(st.text(), st.integers(0, 40))
def test_a_cut_text_fits_and_is_whole_characters(text: str, limit: int) -> None:
    raw = cut_text(text, limit)
    assert len(raw) <= limit
    assert text.encode("utf-8", "replace").decode("utf-8").startswith(raw.decode("utf-8"))
