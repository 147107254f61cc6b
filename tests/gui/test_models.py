"""The page of the models: seen, got, stopped, gone on with, chosen, removed, imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.core.models import ModelProgress, ModelView
from app.core.state import Ended, Idle, Talking
from app.gui.model_card import figures, progress_in_words
from benchmarks.staged_engine import PUBLISHED, StagedError
from tests.gui.conftest import Stage, until

HALF = ModelProgress("2k", "downloading", 498_072_882, 996_145_764, 2e6)


async def opened(stage: Stage) -> None:
    stage.window.home.model.open.click()
    await until(lambda: stage.window.models.cards)


@pytest.fixture
def page(stage: Stage):
    return stage.window.models


def test_the_page_is_a_button_away_and_shows_what_there_is(stage: Stage, page) -> None:
    async def story() -> None:
        await opened(stage)
        assert stage.page is page
        bundled, published = page.cards.values()
        assert bundled.state.text() == "In use"
        assert bundled.get.isHidden()
        assert bundled.remove.isHidden()
        assert bundled.use.isHidden()
        assert published.state.text() == "Not on this computer"
        assert "0.55 kbit/s" in published.facts.text()
        assert "about 996 MB" in published.facts.text()
        assert "Apache-2.0" in published.facts.text()
        for figure in ("3.88", "4.63 %", "96.1 %", "the authors' own figures"):
            assert figure in published.figures.text()
        page.back.click()
        assert stage.page is stage.window.home

    stage.play(story())


def test_a_model_comes_with_progress_and_can_then_be_chosen(stage: Stage, page) -> None:
    async def story() -> None:
        await opened(stage)
        shelf, card = stage.engine.shelf, page.cards["2k"]
        card.get.click()
        await until(lambda: shelf.begun)
        assert ("get", "2k") in shelf.asked
        shelf.progress(HALF)
        await until(lambda: not card.work.isHidden())
        assert card.work.bar.value() == card.work.bar.maximum() // 2
        assert "498 MB of 996 MB, 2.00 MB/s, 4:09 left" in card.work.words.text()
        assert card.get.isHidden()
        assert not page.from_folder.isEnabled()
        assert "2k: downloading 50%" in stage.window.home.model.work.text()
        shelf.now("2k", on_disk=True)
        shelf.end()
        await until(lambda: card.work.isHidden())
        assert card.state.text() == "On this computer"
        assert page.from_folder.isEnabled()
        card.use.click()
        await until(lambda: card.state.text() == "In use")
        assert stage.engine.settings.model == "2k"
        assert "next call" in page.message.text
        assert "FocalCodec-Stream 2k" in stage.window.home.model.named.text()
        assert page.cards["bundled"].state.text() == "On this computer"
        assert card.remove.isHidden()

    stage.play(story())


def test_a_download_is_stopped_and_gone_on_with(stage: Stage, page) -> None:
    async def story() -> None:
        await opened(stage)
        shelf, card = stage.engine.shelf, page.cards["2k"]
        card.get.click()
        await until(lambda: shelf.begun)
        shelf.progress(HALF)
        await until(lambda: not card.work.isHidden())
        card.work.stop.click()
        shelf.now("2k", partial=HALF.done)
        await until(lambda: card.work.isHidden() and not card.get.isHidden())
        assert ("stop",) in shelf.asked
        assert card.state.text() == "498 MB of it are here"
        assert not page.message.text  # Who stops it need not be told that it stopped.
        assert card.get.text() == "Go on downloading"
        card.get.click()
        await until(lambda: shelf.begun)
        assert shelf.asked.count(("get", "2k")) == 2
        shelf.progress(HALF)
        await until(lambda: card.work.stop.isEnabled() and not card.work.isHidden())
        shelf.end()

    stage.play(story())


def test_what_fails_is_said_on_the_page(stage: Stage, page) -> None:
    async def story() -> None:
        await opened(stage)
        stage.engine.shelf.refusals["get"] = StagedError()
        page.cards["2k"].get.click()
        await until(lambda: page.message.text)
        assert "staged refusal" in page.message.text

    stage.play(story())


def test_a_model_that_cannot_be_loaded_is_not_said_to_be_used(stage: Stage, page) -> None:
    async def story() -> None:
        await opened(stage)
        stage.engine.shelf.now("2k", on_disk=True)
        stage.engine.refusals["choose_model"] = StagedError()
        await until(lambda: not page.cards["2k"].use.isHidden())
        page.cards["2k"].use.click()
        await until(lambda: "staged refusal" in page.message.text)

    stage.play(story())


def test_removing_takes_two_presses(stage: Stage, page) -> None:
    async def story() -> None:
        await opened(stage)
        shelf, card = stage.engine.shelf, page.cards["2k"]
        shelf.now("2k", on_disk=True)
        await until(lambda: not card.remove.isHidden())
        card.remove.click()
        assert "996 MB" in card.remove.text()
        assert ("remove", "2k") not in shelf.asked
        card.remove.click()
        await until(lambda: card.state.text() == "Not on this computer")
        assert ("remove", "2k") in shelf.asked

    stage.play(story())


def test_an_import_shows_how_far_it_is_and_then_its_model(stage: Stage, page, tmp_path) -> None:
    async def story() -> None:
        await opened(stage)
        shelf = stage.engine.shelf
        page.import_from(tmp_path / "usb")
        await until(lambda: shelf.begun)
        assert ("take_in", Path(tmp_path / "usb")) in shelf.asked
        shelf.progress(ModelProgress("usb", "copying", 1, 4))
        await until(lambda: not page.work.isHidden())
        shelf.models.append(ModelView("mine", "mine", "imported", 0.8, 9, "?", on_disk=True))
        shelf.show()
        shelf.end()
        await until(lambda: "mine" in page.cards and page.work.isHidden())
        assert page.cards["mine"].figures.isHidden()
        shelf.models.pop()
        shelf.show()
        await until(lambda: "mine" not in page.cards)

    stage.play(story())


def test_a_damaged_model_says_so_and_can_be_got_again(stage: Stage, page) -> None:
    async def story() -> None:
        await opened(stage)
        card = page.cards["2k"]
        stage.engine.shelf.now("2k", on_disk=True, problem="It is cut short.")
        await until(lambda: card.state.text() == "Damaged")
        assert card.problem.text() == "It is cut short."
        assert card.use.isHidden()
        assert not card.get.isHidden()
        assert not card.remove.isHidden()

    stage.play(story())


def test_the_call_says_that_its_model_is_being_loaded(stage: Stage) -> None:
    async def story() -> None:
        call = stage.window.call
        await stage.go(Talking(1.0))
        assert not call.message.text
        await stage.go(Talking(1.0, loading="FocalCodec-Stream 2k"))
        await until(lambda: "FocalCodec-Stream 2k" in call.message.text)
        assert stage.page is call
        await stage.go(Talking(1.0))
        await until(lambda: not call.message.text)
        await stage.go(Ended("They hung up.", failed=False))
        await stage.go(Idle())

    stage.play(story())


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (ModelProgress("m", "asking"), "Asking the server …"),
        (ModelProgress("m", "downloading", 1, 2, waiting=4.0), "trying again in 4 s"),
        (ModelProgress("m", "checking", 5_000_000, 10_000_000), "5.0 MB of 10.0 MB"),
    ],
)
def test_progress_in_words(progress: ModelProgress, words: str) -> None:
    assert words in progress_in_words(progress)


def test_what_was_not_measured_is_left_out() -> None:
    quality = replace(PUBLISHED.quality, utmos=None)
    assert figures(replace(PUBLISHED, quality=quality)).startswith("Words wrong")


def test_nobodys_figures_are_no_figures() -> None:
    assert figures(replace(PUBLISHED, quality=None)) == ""
