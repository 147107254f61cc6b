"""Links found in what people paste."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.gui.link import LinkField, link_in
from benchmarks.staged_engine import INVITE


@pytest.mark.parametrize(
    "text",
    [
        INVITE,
        f"  {INVITE}\n",
        f"<{INVITE}>",
        f"Call me: {INVITE} (today)",
        f"“Here ({INVITE}), see you”",
        f"{INVITE[:40]}\n{INVITE[40:]}",
        INVITE.replace("undertone", "Undertone", 1),
    ],
)
def test_a_link_is_found_with_anything_around_it(text: str) -> None:
    found = link_in(text)
    assert found is not None
    assert found.lower() == INVITE.lower()


@pytest.mark.parametrize("text", ["", "hello", "https://example.org/undertone", "undertone call"])
def test_other_texts_hold_no_link(text: str) -> None:
    assert link_in(text) is None


def test_only_a_link_can_be_acted_on(qapp: QApplication) -> None:
    field = LinkField("Invite link", "", "Join", "join")
    entered: list[str] = []
    field.entered.connect(entered.append)
    field.line.setText("hello")
    assert not field.act.isEnabled()
    assert "no Undertone link" in field.message.text
    QTest.keyClick(field.line, Qt.Key.Key_Return)
    assert entered == []
    field.line.setText(INVITE)
    assert "recognised" in field.message.text
    QTest.keyClick(field.line, Qt.Key.Key_Return)
    assert entered == [INVITE]


def test_pasting_by_key_takes_the_link_out_of_the_text(qapp: QApplication) -> None:
    field = LinkField("Invite link", "", "Join", "join")
    QApplication.clipboard().setText(f"Hi! {INVITE} Bye.")
    QTest.keyClick(field.line, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert field.line.text() == INVITE
    QApplication.clipboard().setText("nothing of the kind")
    field.clear()
    field.paste.click()
    assert "no Undertone link on the clipboard" in field.message.text
