"""A call with nobody: two real peers in one process, one of whom speaks a bundled clip."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, wait
from dataclasses import replace
from importlib import resources
from pathlib import Path

from app.audio.instead import FilesInstead, check_files
from app.core.errors import UndertoneError
from app.core.profile import AUTO
from app.core.session import NoCall
from app.core.settings import Settings
from app.core.state import (
    CallReading,
    Ended,
    Event,
    InputEnded,
    Inviting,
    Notice,
    StateChanged,
)
from app.engine import Engine
from app.engine.model import load_model
from app.terminal import TerminalView, report, say
from codec.model.codec import Codec

_LEAD_IN = 0.4
_DRAIN_SECONDS = 1.0
_STATUS_SECONDS = 0.25
_PATIENCE_SECONDS = 30.0
_STANDSTILL = (
    f"Nothing moved for {_PATIENCE_SECONDS:.0f} seconds, so the demo was stopped. Try again; if "
    "it stays so, run it with --log and report what it says."
)


class DemoFailed(UndertoneError):
    """The two peers of the demo could not talk."""


def bundled_clip() -> Path:
    """The speech the demo speaks; where it is from stands beside it in assets/speech."""
    return Path(str(resources.files("assets") / "speech" / "demo.flac"))


class Demo:
    """Alice speaks `clip`; what Bob hears goes to `output`. `listen` gets Alice's events.

    Notices of errors are not among the events: `run` raises them.
    """

    def __init__(
        self,
        codec: Codec,
        clip: Path,
        output: Path,
        listen: Callable[[Event], None],
        *,
        profile: str | None = None,
    ) -> None:
        check_files(clip, output)
        self._listen = listen
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._voice = FilesInstead(None, input_file=clip, lead_in=_LEAD_IN)
        self._ear = FilesInstead(None, output_file=output)
        alice = Settings(name="Alice", profile=profile or AUTO, cues=False)
        bob = replace(alice, name="Bob")
        self.alice = Engine(codec, self._voice, alice, self._heard_of_alice, loopback=True)
        self.bob = Engine(codec, self._ear, bob, self._heard_of_bob, loopback=True)

    def run(self, status: Callable[[CallReading], None] | None = None) -> None:
        """Connect, speak to the end, hang up. Raises an `UndertoneError` when that fails.

        A person may hang up before the end; whatever was said then is enough.
        """
        try:
            self._connect()
            said_all = self._say_all(status)
            if said_all:
                time.sleep(_DRAIN_SECONDS)
        finally:
            self._hang_up()
        self._ear.finish()
        if (trouble := self._voice.trouble or self._ear.trouble) is not None:
            raise trouble
        heard = self.bob.reading()
        if said_all and (heard is None or not heard.chunks_played):
            raise DemoFailed("Bob heard nothing of what Alice said.")

    def close(self) -> None:
        """Stop both peers."""
        wait([self.alice.close(), self.bob.close()], _PATIENCE_SECONDS)
        self._voice.finish()
        self._ear.finish()

    def _heard_of_alice(self, event: Event) -> None:
        self._events.put(event)
        if not _is_error(event):
            self._listen(event)

    def _heard_of_bob(self, event: Event) -> None:
        if _is_error(event):
            self._events.put(event)

    def _connect(self) -> None:
        try:
            invite = self.alice.create_call().result(_PATIENCE_SECONDS)
            answer = self.bob.join(invite.link).result(_PATIENCE_SECONDS)
            self.alice.accept_answer(answer.link).result(_PATIENCE_SECONDS)
        except CancelledError:
            pass  # Hung up meanwhile, as the events say.
        except TimeoutError as error:
            raise DemoFailed(_STANDSTILL) from error

    def _hang_up(self) -> None:
        try:
            self.alice.hang_up().result(_PATIENCE_SECONDS)
        except NoCall:
            pass  # It has ended already.
        except TimeoutError as error:
            raise DemoFailed(_STANDSTILL) from error

    def _say_all(self, status: Callable[[CallReading], None] | None) -> bool:
        """Whether the clip was said to its end, and not hung up before."""
        moved_at, before = time.monotonic(), -1
        while True:
            try:
                event = self._events.get(timeout=_STATUS_SECONDS)
            except queue.Empty:
                reading = self.alice.reading()
                said = reading.bandwidth.codes_up_total if reading is not None else 0
                encodes = reading is not None and reading.encoder_load > 0  # in a pause of the clip
                if said != before or encodes or self.alice.muted:
                    moved_at, before = time.monotonic(), said
                elif time.monotonic() - moved_at > _PATIENCE_SECONDS:
                    raise DemoFailed(_STANDSTILL) from None
                if status is not None and reading is not None:
                    status(reading)
                continue
            match event:
                case InputEnded():
                    return True
                case Notice(severity="error", text=text):
                    raise DemoFailed(text)
                case StateChanged(state=Ended(reason=reason, failed=True)):
                    raise DemoFailed(reason)
                case StateChanged(state=Ended()):
                    return False


def _is_error(event: Event) -> bool:
    return isinstance(event, Notice) and event.severity == "error"


def run_demo(model: str, clip: Path, output: Path, profile: str | None = None) -> int:
    """The `demo --headless` command; returns the exit status."""
    view = TerminalView()

    def show(event: Event) -> None:
        match event:
            case StateChanged(state=Inviting()):
                view.line("Alice invites Bob.")  # Nobody has to carry this link.
            case StateChanged(state=Ended(failed=True)):
                pass  # `Demo.run` raises it.
            case _:
                view.show(event)

    demo = Demo(load_model(model), clip, output, show, profile=profile)
    try:
        demo.run(view.status)
        readings = [("Alice, who spoke:", demo.alice.reading()), ("Bob:", demo.bob.reading())]
    finally:
        demo.close()
    for title, reading in readings:
        if reading is not None:
            say(report(reading, title))
    say(f"What Bob heard is in {output}.")
    return 0
