"""Every page, in the order calls go through them, with the keyboard and without."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from app.core.state import (
    Answering,
    Connecting,
    Ended,
    Inviting,
    Notice,
    PeerChanged,
    PreparingAnswer,
    PreparingInvite,
    Talking,
)
from app.gui.main_window import MainWindow
from app.gui.notice_log import NoticeLog
from app.gui.theme import Theme
from benchmarks.staged_engine import ANSWER, INVITE, PEER, StagedError, staged_reading
from tests.gui.conftest import Stage, until


def _click(button: QAbstractButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_inviters_way_into_a_call(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        assert stage.page is window.home
        _click(window.home.new_call)
        await until(lambda: stage.page is window.invite)
        assert window.invite.hand_over.box.toPlainText() == INVITE
        _click(window.invite.hand_over.copy)
        assert QApplication.clipboard().text() == INVITE
        assert window.invite.hand_over.copy.text() == "Copied"
        QApplication.clipboard().setText(f"Here you are: {ANSWER}")
        _click(window.invite.answer.paste)
        assert window.invite.answer.line.text() == ANSWER
        _click(window.invite.answer.act)
        await until(lambda: stage.page is window.progress)
        assert ("accept_answer", ANSWER) in stage.engine.asked
        assert "Connecting" in window.progress.title
        stage.engine.talk()
        await until(lambda: window.call.peer_name.text() == "Ben")
        assert stage.page is window.call
        assert window.call.status.text() == "Connected, direct, IPv4"
        assert window.windowTitle() == "Ben – Undertone"

    stage.play(story())


def test_the_invited_ones_way_into_a_call(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        QTest.keyClicks(window.home.invite.line, INVITE)
        assert window.home.invite.act.isEnabled()
        QTest.keyClick(window.home.invite.line, Qt.Key.Key_Return)
        await until(lambda: stage.page is window.answer)
        assert ("join", INVITE) in stage.engine.asked
        assert window.answer.hand_over.box.toPlainText() == ANSWER
        _click(window.answer.hand_over.copy)
        assert QApplication.clipboard().text() == ANSWER
        await stage.go(Connecting())
        await until(lambda: stage.page is window.progress)
        await stage.go(Talking(1.0))
        assert stage.page is window.call

    stage.play(story())


def test_the_name_goes_to_the_engine_before_the_call(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        assert window.home.name.text() == "Ada"
        window.home.name.setText(" Grace ")
        _click(window.home.new_call)
        await until(lambda: stage.page is window.invite)
        order = [what for what, *_ in stage.engine.asked]
        assert ("set_name", "Grace") in stage.engine.asked
        assert order.index("set_name") < order.index("create_call")

    stage.play(story())


def test_a_refused_answer_is_explained_beside_its_field_and_can_be_corrected(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        await stage.bridge.create_call()
        await until(lambda: stage.page is window.invite)
        stage.engine.refusals["accept_answer"] = StagedError()
        window.invite.answer.line.setText(ANSWER)
        _click(window.invite.answer.act)
        await until(lambda: "Error: This is a staged" in window.invite.answer.message.text)
        assert stage.page is window.invite
        await until(lambda: "staged refusal" in window.notices.latest)
        stage.engine.refusals.clear()
        QTest.keyClick(window.invite.answer.line, Qt.Key.Key_Return)
        await until(lambda: stage.page is window.progress)

    stage.play(story())


def test_a_refused_invite_is_explained_on_the_home_page(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        stage.engine.refusals["join"] = StagedError()
        window.home.invite.line.setText(INVITE)
        _click(window.home.invite.act)
        await until(lambda: "staged refusal" in window.home.invite.message.text)
        assert stage.page is window.home
        assert window.home.message.text == ""

    stage.play(story())


def test_a_cancelled_invite_leads_home_without_a_detour(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        await stage.bridge.create_call()
        await until(lambda: stage.page is window.invite)
        _click(window.invite.cancel)
        await until(lambda: stage.page is window.home)
        assert [what for what, *_ in stage.engine.asked][-2:] == ["hang_up", "reset"]

    stage.play(story())


def test_a_failure_while_waiting_is_told_and_not_taken_for_a_cancel(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        await stage.go(Connecting())
        await stage.go(Ended("No way was found between the two computers.", True))
        assert stage.page is window.ended
        assert window.ended.title.text() == "The call did not work out"
        assert window.ended.reason.text() == "No way was found between the two computers."
        assert window.ended.totals.isHidden()
        _click(window.ended.home)
        await until(lambda: stage.page is window.home)
        assert ("reset",) in stage.engine.asked

    stage.play(story())


def test_the_end_of_a_call_shows_its_length_and_its_counted_bytes(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        stage.engine.shown = staged_reading(100)
        await stage.go(Talking(1.0))
        stage.now += 3 * 60 + 5
        _click(window.call.hang_up)
        await until(lambda: stage.page is window.ended)
        assert "3:05" in window.ended.lasted.text()
        assert window.ended.figures["codes_up"].text() == "8.0 kB"
        assert window.ended.figures["wire_down"].text() == "145.0 kB"

    stage.play(story())


def test_preparing_says_what_is_going_on(stage: Stage) -> None:
    async def story() -> None:
        await stage.go(PreparingInvite())
        assert "invite" in stage.window.progress.title
        await stage.go(PreparingAnswer())
        assert "answer" in stage.window.progress.title

    stage.play(story())


def test_a_link_counts_down_and_says_when_it_has_expired(stage: Stage) -> None:
    async def story() -> None:
        await stage.go(Inviting(INVITE, stage.now + 90))
        expiry = stage.window.invite.hand_over.expiry
        assert expiry.text() == "Valid for 1:30 min"
        stage.now += 60
        expiry.refresh()
        assert expiry.text() == "Valid for 0:30 min"
        stage.now += 31
        expiry.refresh()
        assert "expired" in expiry.text()

    stage.play(story())


@pytest.mark.parametrize("key", ["button", "M", "Ctrl+M"])
def test_mute_by_button_and_by_keys(stage: Stage, key: str) -> None:
    window = stage.window

    def press() -> None:
        if key == "button":
            _click(window.call.mute)
        else:
            modifier = Qt.KeyboardModifier.ControlModifier
            held = modifier if "Ctrl" in key else Qt.KeyboardModifier.NoModifier
            QTest.keyClick(window, Qt.Key.Key_M, held)

    async def story() -> None:
        await stage.go(Talking(1.0))
        await until(window.isActiveWindow)
        press()
        await until(lambda: window.call.mute.text() == "Unmute")
        assert window.call.mute.isChecked()
        assert stage.engine.muted
        press()
        await until(lambda: window.call.mute.text() == "Mute")
        assert not stage.engine.muted
        assert not window.call.mute.isChecked()

    stage.play(story())


def test_the_letter_m_can_be_typed_into_the_name(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        window.home.name.clear()
        QTest.keyClicks(window.home.name, "Mum")
        assert window.home.name.text() == "Mum"
        assert not any(what == "set_muted" for what, *_ in stage.engine.asked)

    stage.play(story())


def test_hang_up_by_keyboard(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        await stage.go(Talking(1.0))
        held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        QTest.keyClick(window, Qt.Key.Key_H, held)
        await until(lambda: stage.page is window.ended)

    stage.play(story())


def test_the_other_ends_troubles_are_told_in_words(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        stage.engine.talk()
        await until(lambda: window.call.peer_name.text() == "Ben")
        away = replace(PEER, reachable=False, muted=True, voice_changed=True)
        stage.engine.tell(PeerChanged(away))
        await until(lambda: "Reconnecting" in window.call.status.text())
        assert "their microphone is off" in window.call.status.text()
        assert "converted" in window.call.status.text()
        stage.engine.tell(PeerChanged(PEER))
        await until(lambda: window.call.status.text() == "Connected, direct, IPv4")

    stage.play(story())


def test_voice_conversion_is_off_and_says_why(stage: Stage) -> None:
    assert not stage.window.call.conversion.isEnabled()
    assert "not built yet" in stage.window.call.conversion.toolTip()


def test_devices_are_offered_chosen_and_kept_when_unplugged(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        await stage.bridge.refresh_devices()
        picker = window.home.devices.microphone
        texts = [picker.itemText(index) for index in range(picker.count())]
        assert texts == ["System default: Built-in microphone", "Built-in microphone", "Headset"]
        QTest.keyClick(picker, Qt.Key.Key_End)
        QTest.keyClick(picker, Qt.Key.Key_Return)
        await until(lambda: ("choose_input", "Headset") in stage.engine.asked)
        await until(lambda: window.call.devices.microphone.currentData() == "Headset")
        stage.engine.microphones = stage.engine.microphones[:1]
        _click(window.home.devices.refresh)
        await until(lambda: "not connected" in picker.currentText())
        assert picker.currentData() == "Headset"
        assert stage.engine.settings.input_device == "Headset"

    stage.play(story())


def test_notices_have_time_word_and_sentence_and_can_be_unfolded(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        for severity, word in (("info", "Note"), ("warning", "Warning"), ("error", "Error")):
            stage.engine.tell(Notice(severity, f"A sentence of kind {severity}."))  # type: ignore[arg-type]
            await until(lambda s=severity: window.notices.latest.endswith(f"kind {s}."))
            assert f"{word}: A sentence" in window.notices.latest
        assert window.notices.list.isHidden()
        _click(window.notices.toggle)
        assert window.notices.list.isVisible()
        assert window.notices.list.count() == 3
        for state in (Inviting(INVITE, 9e9), Answering(ANSWER, 9e9), Talking(1.0)):
            await stage.go(state)
            assert window.notices.list.isVisible()

    stage.play(story())


def test_the_same_notice_at_once_is_shown_once(qapp: QApplication) -> None:
    now = [100.0]
    log = NoticeLog(lambda: now[0])
    log.add(Notice("error", "Again."))
    log.add(Notice("error", "Again."))
    assert log.list.count() == 1
    now[0] += 10
    log.add(Notice("error", "Again."))
    assert log.list.count() == 2


def test_the_first_close_is_refused_and_asks_the_second_closes(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        asked: list[str] = []
        window.close_requested.connect(lambda: asked.append("close"))
        window.abandoned.connect(lambda: asked.append("abandon"))
        assert not window.close()
        assert window.isVisible()
        assert "Closing" in window.progress.title
        await stage.go(Ended("Undertone was closed.", False))
        assert stage.page is window.progress  # What the engine says now moves no page.
        assert asked == ["close"]
        assert window.close()
        assert asked == ["close", "abandon"]
        assert not window.isVisible()

    stage.play(story())


def test_tab_reaches_everything_on_the_home_page_in_order(stage: Stage) -> None:
    window = stage.window

    async def story() -> None:
        await until(window.isActiveWindow)
        await until(window.home.new_call.hasFocus)
        order = [
            window.home.invite.line,
            window.home.invite.paste,
            window.home.name,
            window.home.devices.microphone,
            window.home.devices.loudspeaker,
            window.home.devices.refresh,
            window.home.habits.profile,
            window.home.habits.cues,
            window.home.model.open,
            window.notices.toggle,
        ]
        for widget in order:
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
            assert QApplication.focusWidget() is widget

    stage.play(story())


_TOUCHED = (QPushButton, QComboBox, QLineEdit, QPlainTextEdit, QListWidget)


def test_everything_one_can_touch_has_a_name_for_screen_readers(stage: Stage) -> None:
    for kind in _TOUCHED:
        for widget in stage.window.findChildren(kind):
            said = widget.accessibleName() or getattr(widget, "text", str)()
            assert said, widget


def _cut(widget: QWidget) -> bool:
    if isinstance(widget, QLabel) and widget.wordWrap():
        return widget.height() < widget.heightForWidth(widget.width())
    hint = widget.minimumSizeHint()
    return widget.width() < hint.width() or widget.height() < hint.height()


def _texts(window: MainWindow) -> list[QWidget]:
    kinds = (QLabel, QPushButton, QComboBox, QLineEdit)
    found = [widget for kind in kinds for widget in window.findChildren(kind)]
    whole = window.notices.findChildren(QLabel)  # one line that ends in "…" by design
    return [widget for widget in found if widget.isVisible() and widget not in whole]


async def _settled(window: MainWindow) -> None:
    """Let layouts that wait for events come to rest; give up on those that never fit."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            while any(_cut(widget) for widget in _texts(window)):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("size", [(640, 480), (900, 680)])
def test_no_text_is_cut_whatever_its_size(
    qapp: QApplication, scale: float, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    before = qapp.font()
    font = QFont(before)
    font.setPointSizeF(before.pointSizeF() * scale)
    qapp.setFont(font)
    request.addfinalizer(lambda: qapp.setFont(before))
    stage: Stage = request.getfixturevalue("stage")
    stage.window.resize(*size)

    async def story() -> None:
        await stage.bridge.refresh_devices()
        stage.engine.shown = replace(staged_reading(50), wire_measured=False)
        for state in (
            stage.engine.state,
            PreparingInvite(),
            Inviting(INVITE, stage.now + 99),
            Answering(ANSWER, stage.now + 99),
            Talking(1.0),
            Ended("A reason that takes a few more words than others do.", True),
        ):
            await stage.go(state)
            if isinstance(state, Talking):
                stage.engine.tell(PeerChanged(replace(PEER, reachable=False, muted=True)))
                await until(lambda: stage.window.call.rates.lines["wire"].samples)
                await until(lambda: "Reconnecting" in stage.window.call.status.text())
            await _settled(stage.window)
            cut = [widget for widget in _texts(stage.window) if _cut(widget)]
            assert cut == [], [getattr(widget, "text", str)() for widget in cut]

    stage.play(story())


def test_light_and_dark_paint_different_windows_and_switch_at_once(
    stage: Stage, qapp: QApplication
) -> None:
    theme = Theme(qapp, "light")
    light = stage.window.grab().toImage().pixelColor(5, 5).lightness()
    theme.apply("dark")
    dark = stage.window.grab().toImage().pixelColor(5, 5).lightness()
    theme.leave()
    assert light > 200
    assert dark < 60
