from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.session import CallFull
from app.core.state import Inviting, Notice, PeerChanged, PeerJoined, PeerLeft, Talking
from app.gui.people import names_of, step_of, volume_of
from benchmarks.staged_engine import ANSWER, INVITE, OTHERS, PEER, StagedError, staged_reading
from tests.gui.conftest import Stage, until


def click(widget) -> None:  # type: ignore[no-untyped-def]
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_each_who_comes_has_a_row_until_they_leave(stage: Stage) -> None:
    people = stage.window.call.people

    async def story() -> None:
        stage.engine.talk()
        for peer in OTHERS:
            stage.engine.tell(PeerJoined(peer))
        await until(lambda: len(people.rows) == 3)
        cleo = people.rows[2]
        assert cleo.name.text() == "Cleo"
        assert "their microphone is off" in cleo.status.text()
        assert stage.window.call.peer_name.text() == "Ben and 2 others"
        assert stage.window.call.status.text() == "4 people"
        stage.engine.tell(PeerLeft(OTHERS[0], "They hung up."))
        await until(lambda: list(people.rows) == [1, 3])
        stage.engine.hang_up()
        await until(lambda: not people.rows)

    stage.play(story())


def test_the_knobs_ask_the_engine_and_show_what_it_says(stage: Stage) -> None:
    people = stage.window.call.people

    async def story() -> None:
        stage.engine.talk()
        await until(lambda: 1 in people.rows)
        row = people.rows[1]
        QTest.keyClick(row.volume, Qt.Key.Key_End)
        await until(lambda: ("set_volume", 1, 4.0) in stage.engine.asked)
        click(row.silence)
        await until(lambda: ("set_silenced", 1, True) in stage.engine.asked)
        assert not row.silence.isChecked()
        stage.engine.tell(PeerChanged(replace(PEER, volume=0.5, silenced=True)))
        await until(row.silence.isChecked)
        assert volume_of(row.volume.value()) == 0.5
        assert not row.volume.isEnabled()
        assert "Ben" in row.silence.accessibleName()

    stage.play(story())


def test_how_loud_each_is_is_shown(stage: Stage) -> None:
    people = stage.window.call.people

    async def story() -> None:
        stage.engine.talk()
        await until(lambda: 1 in people.rows)
        stage.engine.shown = staged_reading()
        level = stage.engine.shown.peers[0].level
        await until(lambda: people.rows[1].level.level == level)

    stage.play(story())


def test_one_more_is_invited_from_the_call(stage: Stage) -> None:
    invite = stage.window.call.people.invite

    async def story() -> None:
        stage.engine.talk()
        await until(lambda: stage.page is stage.window.call)
        click(invite.begin)
        await until(lambda: invite.is_open)
        assert invite.hand_over.box.toPlainText() == INVITE
        stage.engine.refusals["accept_answer"] = StagedError()
        invite.answer.line.setText(ANSWER)
        click(invite.answer.act)
        await until(lambda: "staged refusal" in invite.answer.message.text)
        assert invite.is_open
        click(invite.cancel)
        await until(lambda: not invite.is_open)
        assert ("take_back",) in stage.engine.asked

    stage.play(story())


def test_a_full_call_is_said_to_be(stage: Stage) -> None:
    async def story() -> None:
        stage.engine.talk()
        await until(lambda: stage.page is stage.window.call)
        stage.engine.refusals["invite_another"] = CallFull()
        click(stage.window.call.people.invite.begin)
        await until(lambda: "full" in stage.window.call.message.text)

    stage.play(story())


def test_an_invite_that_was_used_is_put_away(stage: Stage) -> None:
    invite = stage.window.call.people.invite

    async def story() -> None:
        stage.engine.go(Talking(1.0, inviting=Inviting(INVITE, 0.0)))
        await until(lambda: invite.is_open)
        stage.engine.go(Talking(1.0))
        await until(lambda: not invite.is_open)

    stage.play(story())


def test_the_slider_and_the_volume_are_each_others_inverse() -> None:
    assert [step_of(volume_of(step)) for step in range(-40, 21)] == list(range(-40, 21))
    assert volume_of(0) == 1.0
    assert volume_of(-40) == 0.0


def test_names_stay_short_however_many_there_are() -> None:
    assert names_of([PEER]) == "Ben"
    assert names_of([PEER, OTHERS[0]]) == "Ben, Cleo"
    assert names_of([PEER, *OTHERS]) == "Ben and 2 others"


def test_a_name_is_never_taken_for_html(stage: Stage) -> None:
    name = '<img src="//192.0.2.1/a">'

    async def story() -> None:
        stage.engine.talk(replace(PEER, name=name))
        people = stage.window.call.people
        await until(lambda: people.rows)
        row = people.rows[PEER.id]
        assert "<img" not in row.name.toolTip()
        assert "&lt;img" in row.name.toolTip()
        stage.engine.tell(Notice("warning", f"Nothing came from {name} for 2 s."))
        latest = stage.window.notices._latest
        await until(lambda: "Nothing came" in latest.toolTip())
        assert "<img" not in latest.toolTip()

    stage.play(story())
