"""The one door between Qt and the rest: commands go through it, events come back through it.

The engine tells its events from threads of its own; here each becomes a Qt signal in the GUI
thread. No other file of the GUI knows the engine, or a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.core.chat import ChatLine
from app.core.errors import Stopped, UndertoneError
from app.core.settings import Settings
from app.core.state import (
    CallState,
    ChatChanged,
    Event,
    Idle,
    InputEnded,
    ModelsChanged,
    ModelWork,
    MuteChanged,
    Notice,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    StateChanged,
    Talking,
)
from app.gui.controls import Controls, Devices

POLL_MS = 100
_CHAT_MS = 50

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

Severity = Literal["info", "warning", "error"]
Listener = Callable[[Event], None]


class EngineStopped(UndertoneError):
    """Undertone has not started yet, or is closing. Try again in a moment."""


def unexpected(error: BaseException) -> str:
    """The sentence for an error nobody foresaw."""
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"Something went wrong inside Undertone that should not have ({said})."


class Bridge(QObject):
    """Signals for what happens, coroutines for what is asked.

    `state_changed` carries a `CallState`, `peer_joined` and `peer_changed` a `PeerView`,
    `peer_left` one and a sentence that says why (the end of a call takes all along without it),
    `noticed` a `Notice`, `reading_changed` a `CallReading` or None (ten times a second in a call),
    `devices_changed` a list of microphones and one of loudspeakers, `settings_changed` the
    `Settings`. `input_ended` says that a microphone that is a file came to its end. `error` is a
    sentence: a command was refused. `models_changed` carries a tuple of `ModelView`, `model_work` a
    `ModelProgress`, None when nothing is being done to models. `chat_changed` carries a tuple of
    `ChatLine`, all that was written in this call. Coroutines return whether the
    engine did as asked.
    """

    state_changed = Signal(object)
    peer_joined = Signal(object)
    peer_changed = Signal(object)
    peer_left = Signal(object, str)
    mute_changed = Signal(bool)
    chat_changed = Signal(object)
    noticed = Signal(object)
    reading_changed = Signal(object)
    devices_changed = Signal(object, object)
    settings_changed = Signal(object)
    input_ended = Signal()
    models_changed = Signal(object)
    model_work = Signal(object)
    error = Signal(str)

    _arrived = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._engine: Controls | None = None
        self._state: CallState = Idle()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._arrived.connect(self._dispatch, Qt.ConnectionType.QueuedConnection)
        self._chat: tuple[ChatLine, ...] | None = None
        self._chat_pause = QTimer(self, interval=_CHAT_MS, singleShot=True)
        self._chat_pause.timeout.connect(self._show_chat)
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._read)
        # It runs without a call too: Python sees Ctrl-C only when Qt lets it run something.
        self._poll.start()

    # -- events --------------------------------------------------------------------------------

    def listen(self, event: Event) -> None:
        """Take an engine's event, from any thread; its signal follows in the GUI thread."""
        # An event that comes after the window is gone has nobody to tell.
        with contextlib.suppress(RuntimeError):
            self._arrived.emit(event)

    @Slot(object)
    def _dispatch(self, event: Event) -> None:
        match event:
            case StateChanged(state):
                self._read()
                self._state = state
                self.state_changed.emit(state)
            case PeerJoined(peer):
                self.peer_joined.emit(peer)
            case PeerChanged(peer):
                self.peer_changed.emit(peer)
            case PeerLeft(peer, reason):
                self.peer_left.emit(peer, reason)
            case MuteChanged(muted):
                self.mute_changed.emit(muted)
            case ChatChanged(lines):
                self._chat = lines
                if not self._chat_pause.isActive():
                    self._show_chat()
            case Notice():
                self.noticed.emit(event)
            case InputEnded():
                self.input_ended.emit()
            case ModelsChanged(models):
                self.models_changed.emit(models)
            case ModelWork(progress):
                self.model_work.emit(progress)

    def _show_chat(self) -> None:
        """Of a chat that changes faster than it could be drawn, the latest now and then."""
        if self._chat is not None:
            lines, self._chat = self._chat, None
            self._chat_pause.start()
            self.chat_changed.emit(lines)

    def _read(self) -> None:
        # Before a call there is nothing to read; of an ended one, the last look is enough.
        if self._engine is not None and isinstance(self._state, Talking):
            self.reading_changed.emit(self._engine.reading())

    # -- the engine ----------------------------------------------------------------------------

    @property
    def has_engine(self) -> bool:
        """Whether commands can be given."""
        return self._engine is not None

    @property
    def state(self) -> CallState:
        """The call as the window knows it."""
        return self._state

    @property
    def settings(self) -> Settings:
        """What the person has chosen."""
        return self._engine.settings if self._engine else Settings()

    @property
    def muted(self) -> bool:
        """Whether the own microphone is off."""
        return self._engine.muted if self._engine else False

    async def start(self, make_engine: Callable[[Listener], Controls]) -> None:
        """Make the engine in a thread of its own, since that may load a model.

        Raises what `make_engine` raises.
        """
        made: Future[Controls] = Future()

        def make() -> None:
            try:
                made.set_result(make_engine(self.listen))
            except BaseException as error:
                made.set_exception(error)

        threading.Thread(target=make, name="undertone-start", daemon=True).start()
        self._engine = await asyncio.wrap_future(made)
        self._state = self._engine.state
        self.settings_changed.emit(self._engine.settings)
        self.mute_changed.emit(self._engine.muted)
        self.state_changed.emit(self._state)

    async def close(self, seconds: float) -> bool:
        """Close the engine; False when it took longer than `seconds` and was left alone."""
        self._poll.stop()
        engine, self._engine = self._engine, None
        for task in tuple(self._tasks):
            task.cancel()
        if engine is None:
            return True
        try:
            await asyncio.wait_for(asyncio.wrap_future(engine.close()), seconds)
        except TimeoutError:
            return False
        except UndertoneError as error:
            self.report(str(error))
        return True

    def spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run a command from a Qt slot, which cannot wait for it."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.report_unexpected(error)

    # -- commands ------------------------------------------------------------------------------

    async def create_call(self) -> bool:
        """Make an invite; `Inviting` follows as a state."""
        return await self._ask(lambda engine: engine.create_call())

    async def join(self, link: str) -> bool:
        """Take up an invite; `Answering` follows as a state."""
        return await self._ask(lambda engine: engine.join(link))

    async def accept_answer(self, link: str) -> bool:
        """Take the answer to the invite; `Connecting` follows as a state."""
        return await self._ask(lambda engine: engine.accept_answer(link))

    async def invite_another(self) -> bool:
        """Make an invite for one more; the state tells of it."""
        return await self._ask(lambda engine: engine.invite_another())

    async def take_back(self) -> bool:
        """Take the invite for one more back."""
        return await self._ask(lambda engine: engine.take_back())

    async def hang_up(self) -> bool:
        """End the call, or take the invite back."""
        return await self._ask(lambda engine: engine.hang_up())

    async def choose_input(self, name: str | None) -> bool:
        """Speak into another microphone; None follows the system's default."""
        return await self._choose(lambda engine: engine.choose_input(name))

    async def choose_output(self, name: str | None) -> bool:
        """Listen on another loudspeaker; None follows the system's default."""
        return await self._choose(lambda engine: engine.choose_output(name))

    async def refresh_devices(self) -> bool:
        """Look for devices; `devices_changed` follows."""

        def show(devices: Devices) -> None:
            self.devices_changed.emit(*devices)

        return await self._ask(lambda engine: engine.devices(), show)

    async def see_models(self) -> bool:
        """Look which models there are; `models_changed` follows."""
        return await self._ask(lambda engine: engine.shelf.see())

    def look_for_models(self) -> None:
        """Likewise for whoever did not ask: where there are none to see, nothing is said."""
        if self._engine is not None:
            self._engine.shelf.see()

    async def get_model(self, name: str) -> bool:
        """Download a model, or go on with it; `model_work` follows. False when it was stopped."""
        return await self._ask(lambda engine: engine.shelf.get(name))

    async def import_model(self, path: Path) -> bool:
        """Take in a model from files; `model_work` follows. False when it was stopped."""
        return await self._ask(lambda engine: engine.shelf.take_in(path))

    async def remove_model(self, name: str) -> bool:
        """Remove a model from disk; `models_changed` follows."""
        return await self._ask(lambda engine: engine.shelf.remove(name))

    async def choose_model(self, name: str) -> bool:
        """Use a model from the next call on; `settings_changed` follows."""
        return await self._choose(lambda engine: engine.choose_model(name))

    async def change_model(self, name: str) -> bool:
        """Ask all in the call to go on with a model; notices tell how it goes."""
        return await self._ask(lambda engine: engine.change_model(name))

    async def send_chat(self, text: str) -> bool:
        """Write to everyone in the call; `chat_changed` follows, now and when it has arrived."""
        return await self._ask(lambda engine: engine.send_chat(text))

    def stop_model(self) -> None:
        """Stop the download or import; what came of a download is kept."""
        self._tell(lambda engine: engine.shelf.stop())

    def reset(self) -> None:
        """Leave an ended call."""
        self._tell(lambda engine: engine.reset())

    def set_muted(self, muted: bool) -> None:
        """Turn the own microphone off or on; `mute_changed` follows."""
        self._tell(lambda engine: engine.set_muted(muted))

    def set_volume(self, peer_id: int, volume: float) -> None:
        """Play a peer at this gain; `peer_changed` follows."""
        self._tell(lambda engine: engine.set_volume(peer_id, volume))

    def set_silenced(self, peer_id: int, silenced: bool) -> None:
        """Do not play a peer, or play it again; `peer_changed` follows."""
        self._tell(lambda engine: engine.set_silenced(peer_id, silenced))

    def set_name(self, name: str) -> None:
        """Choose the name the other end is shown; `settings_changed` follows."""
        if name != self.settings.name:
            self._tell(lambda engine: engine.set_name(name))
            self.settings_changed.emit(self.settings)

    def set_cues(self, on: bool) -> None:
        """Play short sounds when something happens, or none; `settings_changed` follows."""
        self._tell(lambda engine: engine.set_cues(on))
        self.settings_changed.emit(self.settings)

    def choose_profile(self, name: str) -> None:
        """Fill packets by this profile, one of PROFILE_NAMES; `settings_changed` follows."""
        self._tell(lambda engine: engine.choose_profile(name))
        self.settings_changed.emit(self.settings)

    def report(self, text: str, severity: Severity = "error") -> None:
        """Put a sentence into the notices. Any thread may call it."""
        self.listen(Notice(severity, text))

    def report_unexpected(self, error: BaseException) -> None:
        """Put an unforeseen error into the notices and its trace into the log."""
        _log.error("unforeseen", exc_info=error)
        self.report(unexpected(error))

    async def _choose(self, command: Callable[[Controls], Future[None]]) -> bool:
        done = await self._ask(command)
        self.settings_changed.emit(self.settings)
        return done

    async def _ask(
        self,
        command: Callable[[Controls], Future[_T]],
        take: Callable[[_T], None] | None = None,
    ) -> bool:
        try:
            if self._engine is None:
                raise EngineStopped
            future = command(self._engine)
            result = await asyncio.wrap_future(future)
        except Stopped:
            return False  # As the person wished.
        except UndertoneError as error:
            self._refuse(str(error))
            return False
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return False  # the engine dropped the command, because the call ended meanwhile
        except Exception as error:
            _log.error("unforeseen", exc_info=error)
            self._refuse(unexpected(error))
            return False
        if take is not None:
            take(result)
        return True

    def _tell(self, command: Callable[[Controls], None]) -> None:
        try:
            if self._engine is None:
                raise EngineStopped
            command(self._engine)
        except UndertoneError as error:
            self._refuse(str(error))

    def _refuse(self, sentence: str) -> None:
        self.error.emit(sentence)
        self.report(sentence)
