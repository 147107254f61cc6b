"""What a call looks like in a terminal: lines on standard error, links on standard output."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields
from typing import TextIO

from app.core.chat import ChatLine, Mark
from app.core.errors import UndertoneError
from app.core.meter import LatencyParts
from app.core.state import (
    Answering,
    CallReading,
    CallState,
    ChatChanged,
    Connecting,
    Ended,
    Event,
    Inviting,
    MuteChanged,
    Notice,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    PeerView,
    StateChanged,
    Talking,
)
from app.net.cost import OPUS_KBIT, opus_kbit


class CannotPrint(UndertoneError):
    """Standard output could not be written. Make room where it goes, or send it elsewhere."""

    def __init__(self, words: str) -> None:
        super().__init__(
            f"Standard output could not be written ({words}). "
            "Make room where it goes, or send it elsewhere."
        )


class NobodyReads(CannotPrint):
    """Who read standard output went away."""


def say(text: str) -> None:
    """Print on standard output, at once. Raises CannotPrint, NobodyReads for a closed pipe."""
    with _printing():
        print(text, flush=True)


def flush() -> None:
    """Write what others printed. Python would do it at its end, and show a traceback."""
    if sys.stdout is not None:
        with _printing():
            sys.stdout.flush()


@contextlib.contextmanager
def _printing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hush(sys.stdout)
        words = error.strerror or str(error)
        raise (NobodyReads if isinstance(error, BrokenPipeError) else CannotPrint)(words) from error


def hush(stream: TextIO | None) -> None:
    """Send what a stream could not print nowhere, lest Python complain of it on its way out."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class TerminalView:
    """Prints what happens, on standard error or `said`; any thread may call it.

    Links go to standard output alone, so that a script can read them.
    """

    def __init__(self, said: TextIO | None = None) -> None:
        self._said = said or sys.stderr
        self._live = self._said is not None and self._said.isatty()
        self._lock = threading.Lock()
        self._status_shown = False
        self._peers: dict[int, PeerView] = {}
        self._talking: Talking | None = None
        self._chat: tuple[ChatLine, ...] = ()

    def show(self, event: Event) -> None:
        """One event, in words. Raises CannotPrint when it is a link that cannot be handed out."""
        match event:
            case StateChanged(state=state):
                self._state(state)
            case PeerJoined(peer=peer) | PeerChanged(peer=peer):
                before, self._peers[peer.id] = self._peers.get(peer.id), peer
                for text in _changes(before, peer):
                    self.line(text)
            case PeerLeft(peer=peer, reason=reason):
                self._peers.pop(peer.id, None)
                self.line(f"{peer.name or 'Someone'} is no longer in the call: {reason}")
            case MuteChanged(muted=muted):
                self.line("Microphone muted." if muted else "Microphone open.")
            case ChatChanged(lines=lines):
                before_chat, self._chat = self._chat, lines
                for text in _chat_news(before_chat, lines):
                    self.line(text)
            case Notice(severity=severity, text=text):
                self.line(text if severity == "info" else f"{severity.capitalize()}: {text}")

    def status(self, reading: CallReading) -> None:
        """One line of meters, in place, when the output is a terminal."""
        if self._live:
            with self._lock:
                self._print(f"\r\x1b[K{brief(reading)}", end="")
                self._status_shown = True

    def line(self, text: str) -> None:
        """A line of its own."""
        with self._lock:
            if self._status_shown:
                self._print("")
                self._status_shown = False
            self._print(text)

    def _print(self, text: str, end: str = "\n") -> None:
        # A call is worth more than what is said about it.
        with contextlib.suppress(OSError):
            if self._said is not None:
                print(text, end=end, file=self._said, flush=True)

    def _state(self, state: CallState) -> None:
        match state:
            case Inviting(link=link):
                self.line("Send this invite to the one you call, and paste their answer here:")
                say(link)
            case Answering(link=link):
                self.line("Send this answer back to the one who invited you:")
                say(link)
            case Connecting():
                self.line("Connecting …")
            case Talking():
                before, self._talking = self._talking, state
                self._say_talking(before, state)
            case Ended(reason=reason, failed=failed):
                self._peers.clear()
                self._talking = None
                self.line(f"Error: {reason}" if failed else reason)

    def _say_talking(self, before: Talking | None, now: Talking) -> None:
        """What is new about a call that stands."""
        if now.loading and (before is None or not before.loading):
            self.line(f"Loading the model {now.loading}, which both sides have …")
        elif before is None:
            self.line("Connected.")
        elif before.loading and not now.loading:
            self.line("The model is loaded.")
        if now.inviting is not None and (before is None or before.inviting != now.inviting):
            self.line("Send this invite to one more, and paste their answer here:")
            say(now.inviting.link)


def _changes(before: PeerView | None, peer: PeerView) -> Iterator[str]:
    """What is new about the other end, a sentence each. Before its hello it has no model."""
    known = before is not None and before.model_name and before.name == peer.name
    who = peer.name or "The other side"
    if peer.model_name and not known:
        whom = peer.name or "someone who gives no name"
        yield f"Talking with {whom} ({peer.model_name}, {peer.route})."
    if peer.muted != (before is not None and before.muted):
        yield f"{who} is muted." if peer.muted else f"{who} is no longer muted."
    if peer.reachable and before is not None and not before.reachable:
        yield f"{who} is back."  # That nothing came is a notice.


def _chat_news(before: tuple[ChatLine, ...], now: tuple[ChatLine, ...]) -> Iterator[str]:
    """New messages of others, and how far own ones came; a message cannot look like a line of ours.

    What was typed here stands on the screen already.
    """
    known = {line.number: line for line in before}
    for line in now:
        old = known.get(line.number)
        text = line.text.replace("\n", "\n  | ")
        if not line.own and old is None:
            yield f"{line.who or 'Someone'} writes:\n  | {text}"
        elif line.own and line.mark not in (Mark.SENDING, old.mark if old else None):
            words = line.mark_in_words
            yield f"{words[:1].upper()}{words[1:]}:\n  | {text}"


def brief(reading: CallReading) -> str:
    """The meters in one line."""
    band = reading.bandwidth
    parts = reading.incoming
    delay = parts.mouth_to_ear if parts is not None and parts.is_whole else None
    return (
        f"up {band.codes_up:.2f} codes / {band.payload_up:.1f} payload / {band.wire_up:.1f} wire, "
        f"down {band.codes_down:.2f} / {band.payload_down:.1f} / {band.wire_down:.1f} kbit/s, "
        f"mouth to ear {_number(delay)} ms, loss {band.loss:.1%}"
    )


def report(reading: CallReading, title: str) -> str:
    """The figures of a whole call, as a block of text."""
    band = reading.bandwidth
    seconds = max(band.seconds, 1e-9)

    def mean(total: int) -> str:
        return f"{total * 8 / seconds / 1000:7.2f} kbit/s ({total} bytes)"

    how = "counted" if reading.wire_measured else "computed"
    return "\n".join(
        [
            title,
            f"  length            {band.seconds:.1f} s",
            f"  codes    up       {mean(band.codes_up_total)}",
            f"           down     {mean(band.codes_down_total)}",
            f"  payload  up       {mean(band.payload_up_total)}",
            f"           down     {mean(band.payload_down_total)}",
            f"  wire     up       {mean(band.wire_up_total)}, {how}, IP headers included",
            f"           down     {mean(band.wire_down_total)}, {how}, IP headers included",
            f"  Opus would need   {opus_kbit():7.2f} kbit/s each way, {OPUS_KBIT:.0f} of it codes",
            f"  chunks            {reading.chunks_played} played, {reading.chunks_concealed} "
            f"concealed, {reading.chunks_late} late",
            f"  delay    out      {_parts(reading.outgoing)}",
            f"           in       {_parts(reading.incoming)}",
            f"  load              encoder {reading.encoder_load:.1%}, "
            f"decoder {reading.decoder_load:.1%} of a core",
        ]
    )


def _parts(parts: LatencyParts | None) -> str:
    if parts is None:
        return "not known"
    shares = " + ".join(
        f"{field.name} {_number(getattr(parts, field.name))}" for field in fields(parts)
    )
    return f"{'' if parts.is_whole else 'over '}{parts.mouth_to_ear:.0f} ms mouth to ear = {shares}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
