"""A call from a terminal: links on standard output, everything else on standard error."""

from __future__ import annotations

import queue
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from app.audio.backend import NoLoudspeaker, NoMicrophone
from app.audio.files import FileInput, FileOutput
from app.audio.instead import FilesInstead
from app.audio.portaudio import PortAudioBackend
from app.core.errors import UndertoneError
from app.core.settings import Settings
from app.core.state import Ended, Event, InputEnded, Notice, StateChanged, Talking
from app.engine import Engine
from app.engine.model import load_model
from app.terminal import TerminalView, report

_QUIET_DBFS = -45.0
_QUIET_SECONDS = 2.0
_TICK_SECONDS = 0.25
_CLOSE_SECONDS = 10.0


class NoAnswer(UndertoneError):
    """Standard input ended before an answer link came."""


@dataclass(frozen=True)
class _Pasted:
    line: str


@dataclass(frozen=True)
class _PastingEnded:
    pass


def list_devices() -> int:
    """The `devices` command."""
    backend = PortAudioBackend()
    try:
        for title, devices in (
            ("Microphones", backend.inputs()),
            ("Loudspeakers", backend.outputs()),
        ):
            print(f"{title}:")
            for device in devices:
                print(f"  {device.name}{' (default)' if device.is_default else ''}")
            if not devices:
                print("  none")
    finally:
        backend.close()
    return 0


def run_call(
    model: str,
    settings: Settings,
    *,
    join: str | None,
    input_file: Path | None,
    output_file: Path | None,
    seconds: float | None,
    loopback: bool,
) -> int:
    """The `call --headless` command; returns the exit status."""
    codec = load_model(model)
    devices = PortAudioBackend()
    _check(devices, input_file, output_file, codec.spec.output_rate)
    view = TerminalView()
    happened: queue.SimpleQueue[Event | _Pasted | _PastingEnded] = queue.SimpleQueue()
    sound = FilesInstead(
        devices,
        input_file=input_file,
        output_file=output_file,
        on_trouble=lambda error: happened.put(Notice("error", str(error))),
    )
    engine = Engine(codec, sound, settings, happened.put, loopback=loopback)
    call = _HeadlessCall(engine, view, happened, seconds)
    try:
        return call.run(join)
    finally:
        engine.close().result(_CLOSE_SECONDS)
        devices.close()


def _check(
    devices: PortAudioBackend, input_file: Path | None, output_file: Path | None, rate: int
) -> None:
    """Tell what is missing before anyone is invited."""
    if input_file is not None:
        FileInput(input_file).close()
    elif not devices.inputs():
        raise NoMicrophone
    if output_file is not None:
        FileOutput(output_file, rate).close()
    elif not devices.outputs():
        raise NoLoudspeaker


class _HeadlessCall:
    """Shows what happens and decides when a call without a person is over."""

    def __init__(
        self,
        engine: Engine,
        view: TerminalView,
        happened: queue.SimpleQueue[Event | _Pasted | _PastingEnded],
        seconds: float | None,
    ) -> None:
        self._engine, self._view, self._happened = engine, view, happened
        self._seconds = seconds
        self._talking_since: float | None = None
        self._input_over = False
        self._heard_at = 0.0

    def run(self, join: str | None) -> int:
        """From invite to hang-up."""
        if join is None:
            self._engine.create_call().result()
            threading.Thread(target=self._read_lines, name="stdin", daemon=True).start()
        else:
            self._engine.join(sys.stdin.readline() if join == "-" else join).result()
        while True:
            try:
                event = self._happened.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                self._tick()
                continue
            match event:
                case _Pasted(line=line):
                    self._paste(line)
                case _PastingEnded():
                    if self._talking_since is None:
                        raise NoAnswer
                case _:
                    self._view.show(event)
                    self._note(event)
                    if isinstance(event, StateChanged) and isinstance(event.state, Ended):
                        return self._over(event.state)

    def _note(self, event: Event) -> None:
        match event:
            case StateChanged(state=Talking()):
                self._talking_since = self._heard_at = time.monotonic()
            case InputEnded():
                self._input_over = True
                self._heard_at = time.monotonic()

    def _tick(self) -> None:
        if self._talking_since is None:
            return
        now = time.monotonic()
        reading = self._engine.reading()
        if reading is not None:
            self._view.status(reading)
            if reading.output_level > _QUIET_DBFS:
                self._heard_at = now
        time_is_up = self._seconds is not None and now - self._talking_since > self._seconds
        said_and_heard_all = self._input_over and now - self._heard_at > _QUIET_SECONDS
        if (time_is_up or said_and_heard_all) and isinstance(self._engine.state, Talking):
            self._engine.hang_up().result()

    def _paste(self, line: str) -> None:
        try:
            self._engine.accept_answer(line).result()
        except UndertoneError as error:
            self._view.line(f"Error: {error}")

    def _over(self, ended: Ended) -> int:
        reading = self._engine.reading()
        if reading is not None:
            self._view.line(report(reading, "The call:"))
        return 1 if ended.failed else 0

    def _read_lines(self) -> None:
        for line in sys.stdin:
            if line.strip():
                self._happened.put(_Pasted(line))
        self._happened.put(_PastingEnded())
