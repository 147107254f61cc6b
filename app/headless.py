"""A call from a terminal: links on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import io
import queue
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.audio.backend import NoLoudspeaker, NoMicrophone
from app.audio.instead import FilesInstead, check_files
from app.audio.portaudio import PortAudioBackend
from app.core.errors import UndertoneError
from app.core.session import NoCall
from app.core.settings import Settings
from app.core.state import (
    CallReading,
    Ended,
    Event,
    InputEnded,
    Inviting,
    Notice,
    PeerChanged,
    StateChanged,
    Talking,
)
from app.engine import Engine
from app.engine.model import load_first
from app.library.store import Store
from app.rendezvous.manual import PREFIX
from app.report import ReportFile, ReportNotWritable
from app.terminal import TerminalView, report, say

_QUIET_DBFS = -45.0
_QUIET_SECONDS = 2.0
_TICK_SECONDS = 0.25
_CLOSE_SECONDS = 10.0


class NoAnswer(UndertoneError):
    """Standard input ended before an answer link came."""


class NoEnd(UndertoneError):
    """The call could not be ended in good order. The other side will see it break off."""


@dataclass(frozen=True)
class _Pasted:
    line: str


@dataclass(frozen=True)
class _PastingEnded:
    pass


def list_devices() -> int:
    """The `devices` command."""
    with contextlib.closing(PortAudioBackend()) as backend:
        for title, devices in (
            ("Microphones", backend.inputs()),
            ("Loudspeakers", backend.outputs()),
        ):
            names = [f"{each.name}{' (default)' if each.is_default else ''}" for each in devices]
            say("\n  ".join([f"{title}:", *(names or ["none"])]))
    return 0


def run_call(
    model: str | None,
    settings: Settings,
    *,
    damage: str | None,
    join: str | None,
    input_file: Path | None,
    output_file: Path | None,
    report_file: Path | None,
    seconds: float | None,
    invite: int | None,
    chat: bool,
    loopback: bool,
) -> int:
    """The `call --headless` command; returns the exit status.

    `model` is what was said on the command line, instead of the one in `settings`. `damage` is what
    was wrong with the kept settings. So many as `invite` says are invited, one after another. With
    `chat`, lines of standard input that are no link are messages; else it is read for answers only,
    since it may be a script's own. A file that could not be read or written whole does not end the
    call, but makes its status 1.
    """
    view = TerminalView()
    if damage is not None:
        view.show(Notice("warning", damage))
    with contextlib.closing(PortAudioBackend()) as devices:
        _check(devices, input_file, output_file)
        report_to = ReportFile(report_file) if report_file is not None else None
        store = Store()
        codec, settings, warning = load_first(model, settings, store)
        if warning is not None:
            view.show(Notice("warning", warning))
        happened: queue.SimpleQueue[Event | _Pasted | _PastingEnded] = queue.SimpleQueue()
        sound = FilesInstead(
            devices,
            input_file=input_file,
            output_file=output_file,
            on_trouble=lambda error: view.show(Notice("error", str(error))),
        )
        engine = Engine(codec, sound, settings, happened.put, store=store, loopback=loopback)
        try:
            more = (invite or 0) - (join is None)
            call = HeadlessCall(engine, view, happened, seconds, report_to, chat=chat, more=more)
            status = call.run(join)
        finally:
            wait([engine.close()], _CLOSE_SECONDS)
            sound.finish()
    return 1 if sound.trouble is not None else status


def _check(devices: PortAudioBackend, input_file: Path | None, output_file: Path | None) -> None:
    """Tell what is missing before anyone is invited."""
    check_files(input_file, output_file)
    if input_file is None and not devices.inputs():
        raise NoMicrophone
    if output_file is None and not devices.outputs():
        raise NoLoudspeaker


class HeadlessCall:
    """Shows what happens and decides when a call without a person is over."""

    def __init__(
        self,
        engine: Engine,
        view: TerminalView,
        happened: queue.SimpleQueue[Event | _Pasted | _PastingEnded],
        seconds: float | None,
        report_to: ReportFile | None = None,
        *,
        chat: bool = False,
        more: int = 0,
    ) -> None:
        """`more` are invited once the first are there, each when the one before has come."""
        self._engine, self._view, self._happened = engine, view, happened
        self._seconds, self._report_to, self._chat = seconds, report_to, chat
        self._more, self._met = more, set[int]()
        self._talking_since: float | None = None
        self._input_over = False
        self._heard_at = 0.0
        self._broken = False

    def run(self, join: str | None) -> int:
        """From invite to hang-up."""
        # A future is cancelled when the call ends meanwhile, and then that is an event as well.
        with contextlib.suppress(CancelledError):
            if join is None:
                self._engine.create_call().result()
            else:
                self._engine.join(next(_pasted(), "") if join == "-" else join).result()
            if join is None or self._chat or self._more > 0:
                threading.Thread(target=self._read_lines, name="stdin", daemon=True).start()
        while True:
            try:
                event = self._happened.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                self._tick()
                continue
            match event:
                case _Pasted(line=line):
                    self._take(line)
                case _PastingEnded():
                    if isinstance(self._engine.state, Inviting):
                        raise NoAnswer
                case _:
                    self._view.show(event)
                    self._note(event)
                    if isinstance(event, StateChanged) and isinstance(event.state, Ended):
                        return self._over(event.state)

    def _note(self, event: Event) -> None:
        match event:
            case StateChanged(state=Talking(loading="")) if self._talking_since is None:
                self._talking_since = self._heard_at = time.monotonic()
            case StateChanged(state=Talking(loading="")):
                pass  # Only an invite for one more was made or used.
            case StateChanged(state=Talking()):
                self._talking_since = None  # It counts from when something can be said.
            case PeerChanged(peer=peer) if peer.model_name and peer.id not in self._met:
                self._met.add(peer.id)
                self._invite_one_more()
            case InputEnded():
                self._input_over = True
                self._heard_at = time.monotonic()
            case Notice(severity="error"):
                self._broken = True  # No person is there who could do something about it.
                self._hang_up()

    def _invite_one_more(self) -> None:
        state = self._engine.state
        if self._more > 0 and isinstance(state, Talking) and state.inviting is None:
            self._more -= 1
            self._try(self._engine.invite_another())

    def _tick(self) -> None:
        if self._talking_since is None:
            return
        now = time.monotonic()
        reading = self._engine.reading()
        if reading is not None:
            self._view.status(reading)
            self._write(reading)
            if reading.output_level > _QUIET_DBFS:
                self._heard_at = now
        time_is_up = self._seconds is not None and now - self._talking_since > self._seconds
        said_and_heard_all = self._input_over and now - self._heard_at > _QUIET_SECONDS
        if (time_is_up or said_and_heard_all) and isinstance(self._engine.state, Talking):
            self._hang_up()

    def _hang_up(self) -> None:
        try:
            self._engine.hang_up().result(_CLOSE_SECONDS)
        except NoCall:
            pass  # The other side was first.
        except TimeoutError as error:
            raise NoEnd from error

    def _take(self, line: str) -> None:
        """A line of standard input: an answer, or in a call a message."""
        in_call = isinstance(self._engine.state, Talking)
        if self._chat and in_call and PREFIX not in line.lower():
            self._try(self._engine.send_chat(line))
        else:
            self._try(self._engine.accept_answer(line))

    def _try(self, work: Future[Any]) -> None:
        try:
            work.result()
        except CancelledError:
            pass
        except UndertoneError as error:
            self._view.line(f"Error: {error}")

    def _over(self, ended: Ended) -> int:
        reading = self._engine.reading()
        if reading is not None:
            self._view.line(report(reading, "The call:"))
            self._write(reading, is_last=True)
        return 1 if ended.failed or self._broken else 0

    def _write(self, reading: CallReading, *, is_last: bool = False) -> None:
        try:
            if self._report_to is not None:
                self._report_to.note(reading, is_last=is_last)
        except ReportNotWritable as error:  # A call is worth more than what is noted of it.
            self._view.line(f"Error: {error}")
            self._report_to, self._broken = None, True

    def _read_lines(self) -> None:
        for line in _pasted():
            self._happened.put(_Pasted(line))
        self._happened.put(_PastingEnded())


def _pasted() -> Iterator[str]:
    """The lines of standard input that say something, whatever bytes are in them."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    with contextlib.suppress(OSError):  # A standard input that cannot be read has ended.
        for line in sys.stdin or ():
            if line.strip():
                yield line
