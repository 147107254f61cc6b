"""The door between Qt and the engine: threads, refusals, the poll."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

import pytest

from app.core.errors import UndertoneError
from app.core.state import (
    Connecting,
    Ended,
    Idle,
    InputEnded,
    Inviting,
    MuteChanged,
    Notice,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    StateChanged,
    Talking,
)
from app.gui.bridge import Bridge
from benchmarks.staged_engine import INVITE, PEER, StagedEngine, StagedError, staged_reading
from tests.gui.conftest import Stage, until


def _heard(bridge: Bridge) -> list[tuple]:
    heard: list[tuple] = []
    for name in (
        "state_changed",
        "peer_joined",
        "peer_changed",
        "peer_left",
        "mute_changed",
        "noticed",
        "input_ended",
        "error",
    ):

        def hear(*values: object, name: str = name) -> None:
            heard.append((name, *values, threading.current_thread()))

        getattr(bridge, name).connect(hear)
    return heard


def test_events_from_another_thread_arrive_in_the_gui_thread_in_order(stage: Stage) -> None:
    here = threading.current_thread()

    async def story() -> None:
        heard = _heard(stage.bridge)
        notice = Notice("warning", "Mind the gap.")

        def tell() -> None:
            for event in (
                StateChanged(Connecting()),
                PeerJoined(PEER),
                PeerChanged(PEER),
                PeerLeft(PEER, "Gone."),
                MuteChanged(True),
                notice,
                InputEnded(),
            ):
                stage.bridge.listen(event)

        thread = threading.Thread(target=tell)
        thread.start()
        thread.join()
        assert heard == []  # Nothing ran in the other thread.
        await until(lambda: len(heard) == 7)
        assert heard == [
            ("state_changed", Connecting(), here),
            ("peer_joined", PEER, here),
            ("peer_changed", PEER, here),
            ("peer_left", PEER, "Gone.", here),
            ("mute_changed", True, here),
            ("noticed", notice, here),
            ("input_ended", here),
        ]
        assert stage.bridge.state == Connecting()

    stage.play(story())


def test_a_refusal_is_told_in_the_words_of_the_engine(stage: Stage) -> None:
    async def story() -> None:
        heard = _heard(stage.bridge)
        stage.engine.refusals["join"] = StagedError()
        assert not await stage.bridge.join(INVITE)
        await until(lambda: any(name == "noticed" for name, *_ in heard))
        sentence = "This is a staged refusal, in a sentence."
        assert ("error", sentence, threading.current_thread()) in heard
        assert any(entry[1] == Notice("error", sentence) for entry in heard)

    stage.play(story())


def test_an_unforeseen_error_is_told_too_and_kills_nothing(stage: Stage) -> None:
    async def story() -> None:
        sentences: list[str] = []
        stage.bridge.error.connect(sentences.append)
        stage.engine.refusals["hang_up"] = ZeroDivisionError("by zero")
        assert not await stage.bridge.hang_up()
        assert len(sentences) == 1
        assert "ZeroDivisionError: by zero" in sentences[0]
        assert await stage.bridge.choose_input("Headset")

    stage.play(story())


def test_a_command_whose_future_the_engine_cancels_is_just_not_done(stage: Stage) -> None:
    async def story() -> None:
        sentences: list[str] = []
        stage.bridge.error.connect(sentences.append)
        pending: Future = Future()
        stage.engine.accept_answer = lambda link: pending  # type: ignore[method-assign]
        command = asyncio.ensure_future(stage.bridge.accept_answer("undertone://x"))
        await asyncio.sleep(0)
        pending.cancel()
        assert await command is False
        assert sentences == []

    stage.play(story())


def test_commands_before_the_engine_is_there_are_refused_in_words(stage: Stage) -> None:
    async def story() -> None:
        sentences: list[str] = []
        stage.bridge.error.connect(sentences.append)
        assert not await stage.bridge.create_call()
        stage.bridge.set_muted(True)
        assert len(sentences) == 2
        assert "has not started yet" in sentences[0]

    stage.play(story(), started=False)


def test_the_engine_is_made_in_another_thread(stage: Stage) -> None:
    threads: list[threading.Thread] = []

    def make(listen: object) -> StagedEngine:
        threads.append(threading.current_thread())
        return stage.make(listen)  # type: ignore[arg-type]

    stage.play(stage.bridge.start(make), started=False)
    assert threads[0] is not threading.current_thread()


def test_an_engine_that_cannot_be_made_raises_its_error(stage: Stage) -> None:
    def make(listen: object) -> StagedEngine:
        raise StagedError

    async def story() -> None:
        with pytest.raises(UndertoneError, match="staged refusal"):
            await stage.bridge.start(make)
        assert not stage.bridge.has_engine

    stage.play(story(), started=False)


def test_readings_are_polled_in_a_call_and_not_outside_of_one(stage: Stage) -> None:
    async def story() -> None:
        readings: list[object] = []
        stage.bridge.reading_changed.connect(readings.append)
        stage.engine.shown = staged_reading(1)
        await asyncio.sleep(0.3)
        assert readings == []  # The figures of an earlier call are not those of the next.
        await stage.go(Talking(1.0))
        await until(lambda: len(readings) >= 3)
        assert readings[-1] == staged_reading(1)
        await stage.go(Ended("Over.", False))
        count = len(readings)
        await asyncio.sleep(0.3)
        assert len(readings) == count

    stage.play(story())


def test_an_engine_that_does_not_close_is_left_alone_after_the_limit(stage: Stage) -> None:
    async def story() -> None:
        stage.engine.close_future = Future()
        assert await stage.bridge.close(0.05) is False
        assert await stage.bridge.close(0.05) is True  # There is nothing left to close.

    stage.play(story())


def test_what_fails_in_the_background_becomes_a_notice(stage: Stage) -> None:
    async def story() -> None:
        notices: list[Notice] = []
        stage.bridge.noticed.connect(notices.append)

        async def fail() -> None:
            raise KeyError("lost")

        stage.bridge.spawn(fail())
        await until(lambda: notices)
        assert notices[0].severity == "error"
        assert "KeyError" in notices[0].text

    stage.play(story())


def test_the_state_on_start_is_the_engines_own(stage: Stage) -> None:
    async def story() -> None:
        assert stage.bridge.state == Idle()
        invite = Inviting(INVITE, 5.0)
        again = Bridge()
        engine = StagedEngine(again.listen, state=invite)
        await again.start(lambda listen: engine)
        assert again.state == invite
        await again.close(1)

    stage.play(story())
