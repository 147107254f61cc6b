"""The model of a call, asked for in the window."""

from __future__ import annotations

from dataclasses import replace

from app.core.state import Notice, PeerChanged
from benchmarks.staged_engine import BUNDLED, PEER, PUBLISHED, StagedError
from tests.gui.conftest import Stage, until


async def in_call(stage: Stage, *, with_another: bool) -> None:
    stage.engine.shelf.now("2k", on_disk=with_another)
    stage.engine.talk()
    await until(lambda: stage.page is stage.window.call)
    stage.engine.tell(PeerChanged(replace(PEER, model_name=BUNDLED.title)))
    await until(lambda: stage.window.call.model.choice.currentText() == BUNDLED.title)


def choose(stage: Stage, title: str) -> None:
    choice = stage.window.call.model.choice
    place = choice.findText(title)
    choice.setCurrentIndex(place)
    choice.activated.emit(place)


def test_another_model_is_asked_for_and_shown_once_it_is_spoken(stage: Stage) -> None:
    async def story() -> None:
        await in_call(stage, with_another=True)
        model = stage.window.call.model
        assert not model.isHidden()
        choose(stage, PUBLISHED.title)
        assert model.choice.currentText() == BUNDLED.title
        await until(lambda: ("change_model", "2k") in stage.engine.asked)
        stage.engine.tell(PeerChanged(replace(PEER, model_name=PUBLISHED.title)))
        await until(lambda: model.choice.currentText() == PUBLISHED.title)
        choose(stage, PUBLISHED.title)
        assert [asked for asked in stage.engine.asked if asked[0] == "change_model"] == [
            ("change_model", "2k")
        ]

    stage.play(story())


def test_a_refusal_is_shown_in_words(stage: Stage) -> None:
    async def story() -> None:
        await in_call(stage, with_another=True)
        stage.engine.refusals["change_model"] = StagedError()
        choose(stage, PUBLISHED.title)
        await until(lambda: "staged refusal" in stage.window.call.message.text)

    stage.play(story())


def test_one_who_has_no_model_in_common_is_not_believed(stage: Stage) -> None:
    async def story() -> None:
        await in_call(stage, with_another=True)
        stage.engine.tell(PeerChanged(replace(PEER, id=2, model_name="Another's")))
        stage.engine.tell(Notice("info", "The last of it."))
        await until(lambda: "The last of it." in stage.window.notices.latest)
        choice = stage.window.call.model.choice
        assert choice.currentText() == BUNDLED.title
        stage.engine.hang_up()
        stage.engine.talk(replace(PEER, id=3))
        stage.engine.tell(PeerChanged(replace(PEER, id=3, model_name=PUBLISHED.title)))
        await until(lambda: choice.currentText() == PUBLISHED.title)

    stage.play(story())


def test_with_one_model_there_is_nothing_to_choose(stage: Stage) -> None:
    async def story() -> None:
        await in_call(stage, with_another=False)
        assert stage.window.call.model.isHidden()

    stage.play(story())


def test_a_model_of_another_name_is_shown_by_that_name(stage: Stage) -> None:
    async def story() -> None:
        await in_call(stage, with_another=True)
        stage.engine.tell(PeerChanged(replace(PEER, model_name="Of one's own")))
        choice = stage.window.call.model.choice
        await until(lambda: choice.currentText() == "Of one's own")
        choose(stage, "Of one's own")
        stage.engine.tell(Notice("info", "The last of it."))
        await until(lambda: "The last of it." in stage.window.notices.latest)
        assert "change_model" not in [asked[0] for asked in stage.engine.asked]

    stage.play(story())
