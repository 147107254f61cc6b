"""The chat of a call, with the keyboard and without."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.core.chat import HISTORY, ChatLine
from app.core.control import MAX_CHAT_BYTES
from app.core.state import ChatChanged, Ended, Talking
from app.gui.chat_list import ChatList, line_in_words
from benchmarks.staged_engine import StagedError
from tests.gui.conftest import Stage, until

SHIFT = Qt.KeyboardModifier.ShiftModifier


async def _call(stage: Stage) -> None:
    stage.engine.talk()
    await until(lambda: stage.page is stage.window.call)


def test_enter_sends_and_shift_enter_begins_a_line(stage: Stage) -> None:
    chat = stage.window.call.chat

    async def story() -> None:
        await _call(stage)
        stage.window.call.chat_button.click()
        assert chat.isVisible()
        assert chat.input.hasFocus()
        QTest.keyClicks(chat.input, "hello")
        QTest.keyClick(chat.input, Qt.Key.Key_Return, SHIFT)
        QTest.keyClicks(chat.input, "Ben")
        QTest.keyClick(chat.input, Qt.Key.Key_Return)
        await until(lambda: chat.list.count() == 1)
        assert ("send_chat", "hello\nBen") in stage.engine.asked
        await until(lambda: chat.input.toPlainText() == "")
        assert chat.list.item(0).text().startswith("You, ")
        assert "(sending)" in chat.list.item(0).text()

    stage.play(story())


def test_what_is_refused_stays_in_the_line_and_is_told_there(stage: Stage) -> None:
    call = stage.window.call

    async def story() -> None:
        await _call(stage)
        call.chat_button.click()
        stage.engine.refusals["send_chat"] = StagedError()
        call.chat.input.setPlainText("hello")
        call.chat.send.click()
        await until(lambda: "staged refusal" in call.chat.message.text)
        assert call.message.text == ""
        assert call.chat.input.toPlainText() == "hello"
        stage.engine.refusals.clear()
        call.chat.send.click()
        await until(lambda: call.chat.input.toPlainText() == "")
        assert call.chat.message.text == ""

    stage.play(story())


def test_nothing_and_too_much_cannot_be_sent(stage: Stage) -> None:
    chat = stage.window.call.chat

    async def story() -> None:
        await _call(stage)
        stage.window.call.chat_button.click()
        assert not chat.send.isEnabled()
        chat.input.setPlainText(" \n ")
        assert not chat.send.isEnabled()
        chat.input.setPlainText("é" * (MAX_CHAT_BYTES // 2))
        assert chat.send.isEnabled()
        assert chat.left.text() == "0 bytes left"
        chat.input.setPlainText("é" * (MAX_CHAT_BYTES // 2) + "!")
        assert not chat.send.isEnabled()
        assert chat.left.text() == "1 bytes too long"
        QTest.keyClick(chat.input, Qt.Key.Key_Return)
        assert not [asked for asked in stage.engine.asked if asked[0] == "send_chat"]

    stage.play(story())


def test_the_button_counts_what_nobody_has_seen(stage: Stage) -> None:
    button = stage.window.call.chat_button

    async def story() -> None:
        await _call(stage)
        stage.engine.hear("one")
        stage.engine.say("two", "there")
        stage.engine.hear("three")
        await until(lambda: button.text() == "Chat (2)")
        assert button.accessibleName() == "Show the chat: 2 unread"
        assert button.accessibleDescription().endswith(": three")
        button.click()
        assert button.text() == "Chat"
        stage.engine.hear("four")
        await until(lambda: stage.window.call.chat.list.count() == 4)
        button.click()
        assert button.text() == "Chat"
        stage.engine.hear("five")
        await until(lambda: button.text() == "Chat (1)")

    stage.play(story())


def test_a_flood_is_drawn_now_and_then_and_its_end_is_not_lost(stage: Stage) -> None:
    drawn: list[int] = []

    async def story() -> None:
        await _call(stage)
        stage.bridge.chat_changed.connect(lambda lines: drawn.append(len(lines)))
        for number in range(300):
            stage.engine.hear(f"message {number}")
        await until(lambda: drawn and drawn[-1] == 300)
        assert len(drawn) < 150

    stage.play(story())


def test_the_keyboard_stays_where_one_writes_when_the_call_changes(stage: Stage) -> None:
    async def story() -> None:
        await _call(stage)
        call = stage.window.call
        call.chat_button.click()
        await until(call.chat.input.hasFocus)
        await stage.go(Talking(1.0, loading="another"))
        await stage.go(Talking(1.0))
        assert call.chat.input.hasFocus()

    stage.play(story())


def test_a_mark_changes_in_place(stage: Stage) -> None:
    chat = stage.window.call.chat

    async def story() -> None:
        await _call(stage)
        stage.engine.say("hello", "")
        await until(lambda: chat.list.count() == 1)
        stage.engine.say("gone", "gone")
        await until(lambda: chat.list.count() == 2)
        assert "(not delivered)" in chat.list.item(0).text()
        assert "(not delivered)" in chat.list.item(1).text()

    stage.play(story())


def test_a_narrow_window_shows_the_chat_instead_of_the_meters(stage: Stage) -> None:
    call = stage.window.call

    async def story() -> None:
        await _call(stage)
        stage.window.resize(1300, 700)
        call.chat_button.click()
        assert call.chat.isVisible()
        assert call.rates.isVisible()
        stage.window.resize(500, 700)
        await until(lambda: not call.rates.isVisible())
        assert call.chat.isVisible()
        QTest.keyClick(stage.window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: call.rates.isVisible())
        assert not call.chat.isVisible()

    stage.play(story())


def test_m_in_a_message_does_not_mute(stage: Stage) -> None:
    chat = stage.window.call.chat

    async def story() -> None:
        await _call(stage)
        stage.window.call.chat_button.click()
        QTest.keyClicks(chat.input, "mmm")
        assert chat.input.toPlainText() == "mmm"
        assert not stage.engine.muted

    stage.play(story())


def test_tab_walks_from_the_messages_to_the_line_to_send(stage: Stage) -> None:
    chat = stage.window.call.chat

    async def story() -> None:
        await _call(stage)
        stage.window.call.chat_button.click()
        stage.engine.hear("hello")
        await until(lambda: chat.list.isVisible())
        chat.input.setPlainText("hello")
        chat.list.setFocus()
        QTest.keyClick(chat.list, Qt.Key.Key_Tab)
        assert chat.input.hasFocus()
        QTest.keyClick(chat.input, Qt.Key.Key_Tab)
        assert chat.send.hasFocus()

    stage.play(story())


def test_the_chat_can_be_copied_when_the_call_is_over(stage: Stage) -> None:
    ended = stage.window.ended

    async def story() -> None:
        await _call(stage)
        stage.engine.hear("the address is 1 Pier Road")
        stage.engine.go(Ended("Ben hung up.", False))
        await until(lambda: stage.page is ended)
        ended.copy_chat.click()
        assert QApplication.clipboard().text().endswith("1 Pier Road")
        stage.engine.tell(ChatChanged(()))
        await until(lambda: not ended.copy_chat.isVisible())

    stage.play(story())


def _line(number: int, text: str) -> ChatLine:
    return ChatLine(number, "Ben", text, 0.0)


@pytest.fixture
def shown(qapp: QApplication) -> ChatList:
    made = ChatList()
    made.resize(300, 200)
    made.show()
    return made


def test_one_message_is_copied_as_it_is_and_several_with_who_said_them(shown: ChatList) -> None:
    lines = [_line(1, "https://example.org/?a=b"), _line(2, "two")]
    shown.show_lines(lines)
    shown.item(0).setSelected(True)
    QTest.keySequence(shown, QKeySequence(QKeySequence.StandardKey.Copy))
    assert QApplication.clipboard().text() == "https://example.org/?a=b"
    shown.selectAll()
    shown.copy_chosen()
    assert QApplication.clipboard().text() == "\n".join(map(line_in_words, lines))


def test_the_list_forgets_what_the_history_forgot(shown: ChatList) -> None:
    lines = [_line(number, str(number)) for number in range(1, HISTORY + 20)]
    shown.show_lines(lines[:HISTORY])
    shown.show_lines(lines[-HISTORY:])
    assert shown.lines == lines[-HISTORY:]
    shown.show_lines([_line(1, "a new call")])
    assert shown.lines == [_line(1, "a new call")]
    shown.show_lines([])
    assert shown.count() == 0


def test_one_more_message_lays_out_no_other_text(
    shown: ChatList, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [_line(number, f"line {number}") for number in range(1, HISTORY + 2)]
    shown.show_lines(lines[:HISTORY])
    for _ in range(5):  # The scroll bar that comes makes it narrower.
        QTest.qWait(20)
    made: list[str] = []
    bubbles = type(shown.itemDelegate())
    text = bubbles._text

    def counted(self: object, line: ChatLine, width: int) -> object:
        made.append(line.text)
        return text(self, line, width)

    monkeypatch.setattr(bubbles, "_text", counted)
    shown.show_lines(lines[-HISTORY:])
    QApplication.processEvents()
    assert lines[-1].text in made
    assert len(made) < 60  # What is seen is drawn.


def test_who_reads_back_is_not_pulled_to_the_end(shown: ChatList) -> None:
    lines = [_line(number, f"line {number}") for number in range(1, 40)]
    shown.show_lines(lines[:30])
    QApplication.processEvents()
    bar = shown.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(0)
    shown.show_lines(lines[:35])
    QApplication.processEvents()
    assert bar.value() == 0
    bar.setValue(bar.maximum())
    shown.show_lines(lines)
    QApplication.processEvents()
    assert bar.value() == bar.maximum()
