"""Starting and stopping the window: one Qt application, one asyncio loop on it, one way out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType, TracebackType

# qasync takes the Qt that is already imported, so PySide6 comes first.
from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

import qasync  # isort: skip

from app.core.errors import UndertoneError
from app.gui.bridge import Bridge, Listener, unexpected
from app.gui.controls import Controls
from app.gui.garbage import GarbageCollector
from app.gui.icons import app_icon
from app.gui.main_window import MainWindow
from app.gui.theme import Scheme, Theme

CLOSE_SECONDS = 8.0
NO_SCREEN = (
    "Undertone cannot open a window: there is no screen it can draw on. Start it from a desktop, "
    "or use Undertone in the terminal."
)

_log = logging.getLogger(__name__)

Script = Callable[[Bridge], Awaitable[None]]


def run(
    make_engine: Callable[[Listener], Controls],
    *,
    title: str = "Undertone",
    scheme: Scheme = "system",
    script: Script | None = None,
    script_failed: str = "Undertone could not do that",
    auto_close: bool = False,
) -> int:
    """Show the window until it is closed; the exit status: 0, or 1 when something prevented it.

    `make_engine` gets the function that takes events and is called in a thread of its own, while
    the window is already there. `script` runs beside the window once the engine is there; with
    `auto_close` the window closes when it is through. A script that raises is status 1, told in the
    terminal behind the words `script_failed`.
    """
    app = _application()
    theme = Theme(app, scheme)
    bridge = Bridge()
    window = MainWindow(bridge, title)
    desk = _Desk(bridge, window, script_failed)
    garbage = GarbageCollector()
    with _ctrl_c(desk.ask_to_close), _nothing_lost(bridge):
        window.show()
        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
            status = runner.run(desk.work(make_engine, script, auto_close))
    garbage.stop()
    theme.leave()
    return status


class _Desk:
    """What happens between the window's opening and its end."""

    def __init__(self, bridge: Bridge, window: MainWindow, script_failed: str) -> None:
        self._bridge = bridge
        self._window = window
        self._script_failed = script_failed
        self._leave = asyncio.Event()
        self._abandon = asyncio.Event()
        self._status = 0
        window.close_requested.connect(self._leave.set)
        window.abandoned.connect(self._abandon.set)

    def ask_to_close(self) -> None:
        """As if the window's close button were pressed."""
        self._window.close()

    async def work(
        self,
        make_engine: Callable[[Listener], Controls],
        script: Script | None,
        auto_close: bool,
    ) -> int:
        """Start, run the script, wait for the end, shut down. The exit status."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._lost)
        story = loop.create_task(self._live(make_engine, script, auto_close))
        await self._leave.wait()
        await self._shut_down(story)
        return self._status

    async def _live(
        self,
        make_engine: Callable[[Listener], Controls],
        script: Script | None,
        auto_close: bool,
    ) -> None:
        try:
            await self._bridge.start(make_engine)
        except Exception as error:
            self._fail(error, "Undertone cannot start")
            if auto_close:
                self.ask_to_close()
            return
        self._bridge.spawn(self._bridge.refresh_devices())
        if script is None:
            return
        try:
            await script(self._bridge)
        except Exception as error:
            self._fail(error, self._script_failed)
        if auto_close:
            self.ask_to_close()

    def _fail(self, error: Exception, what: str) -> None:
        self._status = 1
        foreseen = isinstance(error, UndertoneError)
        sentence = str(error) if foreseen else unexpected(error)
        if not foreseen:
            _log.error(what, exc_info=error)
        print(f"{what}: {sentence}", file=sys.stderr)
        self._bridge.report(sentence)
        if not self._bridge.has_engine:
            self._window.show_failure(sentence)

    async def _shut_down(self, story: asyncio.Task[None]) -> None:
        """Everything ends here, within time limits; a second close cuts even those short."""
        story.cancel()
        closing = asyncio.ensure_future(self._bridge.close(CLOSE_SECONDS))
        abandoning = asyncio.ensure_future(self._abandon.wait())
        await asyncio.wait({closing, abandoning}, return_when=asyncio.FIRST_COMPLETED)
        if closing.done() and not closing.cancelled() and closing.exception() is not None:
            _log.error("The engine did not close in good order", exc_info=closing.exception())
        elif closing.done() and not closing.result():
            _log.warning("The engine did not close within %s s and was left alone", CLOSE_SECONDS)
        closing.cancel()
        abandoning.cancel()
        self._window.finish()

    def _lost(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._bridge.report_unexpected(error)
        else:
            _log.error("%s", context.get("message"))


def _application() -> QApplication:
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    before = qInstallMessageHandler(_qt_speaks)
    app = QApplication(sys.argv[:1])
    qInstallMessageHandler(before)
    app.setApplicationName("Undertone")
    app.setDesktopFileName("undertone")
    app.setWindowIcon(app_icon())
    # The loop must outlive the window, which closes before the engine has.
    app.setQuitOnLastWindowClosed(False)
    return app


def _qt_speaks(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    """Qt aborts the process when it finds no screen; a sentence and a status come before that."""
    if kind == QtMsgType.QtFatalMsg:
        print(f"{NO_SCREEN}\nQt says: {text.strip()}", file=sys.stderr, flush=True)
        os._exit(1)
    _log.debug("Qt: %s", text)


@contextlib.contextmanager
def _ctrl_c(ask_to_close: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and a polite kill press the close button; twice is a second close."""

    def handle(number: int, frame: FrameType | None) -> None:
        ask_to_close()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _nothing_lost(bridge: Bridge) -> Iterator[None]:
    """Errors that nobody caught, in Qt's slots or in threads, become notices."""
    before, before_threads = sys.excepthook, threading.excepthook

    def caught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        bridge.report_unexpected(error)

    def caught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            bridge.report_unexpected(args.exc_value)

    sys.excepthook, threading.excepthook = caught, caught_in_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, before_threads
