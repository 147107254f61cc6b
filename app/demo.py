"""A call with nobody: two real peers in one process, one of whom speaks a bundled clip."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from app.audio.files import FileInput, FileOutput
from app.audio.instead import FilesInstead
from app.core.errors import UndertoneError
from app.core.settings import Settings
from app.core.state import (
    CallReading,
    Ended,
    Event,
    InputEnded,
    Inviting,
    Notice,
    StateChanged,
    Talking,
)
from app.engine import Engine
from app.engine.model import load_model
from app.terminal import TerminalView, report
from codec.model.codec import Codec

_LEAD_IN = 0.4
_DRAIN_SECONDS = 1.0
_CONNECT_SECONDS = 30.0
_STATUS_SECONDS = 0.25


class DemoFailed(UndertoneError):
    """The two peers of the demo could not talk."""


def bundled_clip() -> Path:
    """The speech the demo speaks; where it is from stands beside it in assets/speech."""
    return Path(str(resources.files("assets") / "speech" / "demo.flac"))


class Demo:
    """Alice speaks `clip`; what Bob hears goes to `output`. `listen` gets Alice's events."""

    def __init__(
        self, codec: Codec, clip: Path, output: Path, listen: Callable[[Event], None]
    ) -> None:
        FileInput(clip).close()  # A missing clip or folder is told before anything starts.
        FileOutput(output, codec.spec.output_rate).close()
        self._listen = listen
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.alice = Engine(
            codec,
            FilesInstead(None, input_file=clip, lead_in=_LEAD_IN),
            Settings(name="Alice"),
            self._heard_of_alice,
            loopback=True,
        )
        bobs_ear = FilesInstead(
            None,
            output_file=output,
            on_trouble=lambda error: self._listen(Notice("error", str(error))),
        )
        self.bob = Engine(codec, bobs_ear, Settings(name="Bob"), lambda event: None, loopback=True)

    def run(self, status: Callable[[CallReading], None] | None = None) -> None:
        """Connect, speak to the end, hang up. Raises an `UndertoneError` when that fails."""
        invite = self.alice.create_call().result(_CONNECT_SECONDS)
        answer = self.bob.join(invite.link).result(_CONNECT_SECONDS)
        self.alice.accept_answer(answer.link).result(_CONNECT_SECONDS)
        self._wait_for_end_of_clip(status)
        time.sleep(_DRAIN_SECONDS)
        if isinstance(self.alice.state, Talking):
            self.alice.hang_up().result(_CONNECT_SECONDS)

    def close(self) -> None:
        """Stop both peers."""
        closing = [self.alice.close(), self.bob.close()]
        for future in closing:
            future.result()

    def _heard_of_alice(self, event: Event) -> None:
        self._events.put(event)
        self._listen(event)

    def _wait_for_end_of_clip(self, status: Callable[[CallReading], None] | None) -> None:
        while True:
            try:
                event = self._events.get(timeout=_STATUS_SECONDS)
            except queue.Empty:
                reading = self.alice.reading()
                if status is not None and reading is not None:
                    status(reading)
                continue
            match event:
                case InputEnded():
                    return
                case StateChanged(state=Ended(reason=reason, failed=True)):
                    raise DemoFailed(reason)
                case StateChanged(state=Ended()):
                    return


def run_demo(model: str, clip: Path, output: Path) -> int:
    """The `demo --headless` command; returns the exit status."""
    view = TerminalView()

    def show(event: Event) -> None:
        match event:
            case StateChanged(state=Inviting()):
                view.line("Alice invites Bob.")  # Nobody has to carry this link.
            case _:
                view.show(event)

    demo = Demo(load_model(model), clip, output, show)
    try:
        demo.run(view.status)
        readings = [("Alice, who spoke:", demo.alice.reading()), ("Bob:", demo.bob.reading())]
    finally:
        demo.close()
    for title, reading in readings:
        if reading is not None:
            print(report(reading, title))
    print(f"What Bob heard is in {output}.")
    heard = readings[1][1]
    if heard is None or not heard.chunks_played:
        print("undertone: Bob heard nothing.", file=sys.stderr)
        return 1
    return 0
