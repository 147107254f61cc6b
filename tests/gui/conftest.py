"""A window on a stand-in engine, off screen unless QT_QPA_PLATFORM says otherwise."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication, QWidget

import qasync  # isort: skip

from app.core.state import CallState, Event
from app.gui.bridge import Bridge
from app.gui.main_window import MainWindow
from app.gui.theme import Theme
from benchmarks.staged_engine import StagedEngine

PATIENCE = 10.0


@pytest.fixture(autouse=True)
def qt_garbage_stays_in_this_thread() -> Iterator[None]:
    """As app/gui/garbage.py does for the app: other tests' threads must not collect widgets."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


async def until(holds: Callable[[], object]) -> None:
    """Wait for something to become true; fail when it never does."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.005)


class Stage:
    """A window, its bridge, the stand-in engine behind it and a clock that stands still."""

    def __init__(self, app: QApplication) -> None:
        self.loop = qasync.QEventLoop(app)
        self.now = 1_000.0
        self.bridge = Bridge()
        self.window = MainWindow(
            self.bridge, "Undertone", clock=lambda: self.now, timer=lambda: self.now
        )
        self.engines: list[StagedEngine] = []
        self.window.show()

    @property
    def engine(self) -> StagedEngine:
        return self.engines[0]

    @property
    def page(self) -> QWidget | None:
        return self.window.page

    def make(self, listen: Callable[[Event], None]) -> StagedEngine:
        self.engines.append(StagedEngine(listen, expires_at=self.now + 600))
        return self.engine

    async def start(self) -> None:
        await self.bridge.start(self.make)

    async def go(self, state: CallState) -> None:
        self.engine.go(state)
        await until(lambda: self.bridge.state == state)

    def play(self, story: Coroutine[Any, Any, None], *, started: bool = True) -> None:
        """Run a test's coroutine on the Qt loop."""

        async def whole() -> None:
            if started:
                await self.start()
            await story

        self.loop.run_until_complete(whole())


@pytest.fixture
def stage(qapp: QApplication) -> Iterator[Stage]:
    qapp.setQuitOnLastWindowClosed(False)
    theme = Theme(qapp, "light")
    made = Stage(qapp)
    made.window.activateWindow()
    yield made
    made.loop.run_until_complete(made.bridge.close(1))
    made.window.finish()
    made.window.deleteLater()
    made.loop.close()
    theme.leave()
