"""What a call looks like in a terminal: lines on standard error, links on standard output."""

from __future__ import annotations

import sys
from typing import TextIO

from app.core.meter import LatencyParts
from app.core.state import (
    Answering,
    CallReading,
    CallState,
    Connecting,
    Ended,
    Event,
    Inviting,
    MuteChanged,
    Notice,
    PeerChanged,
    StateChanged,
    Talking,
)


class TerminalView:
    """Prints what happens. Links go to `links` alone, so that a script can read them."""

    def __init__(self, said: TextIO | None = None, links: TextIO | None = None) -> None:
        self._said = said or sys.stderr
        self._links = links or sys.stdout
        self._live = self._said.isatty()
        self._status_shown = False

    def show(self, event: Event) -> None:
        """One event, in words."""
        match event:
            case StateChanged(state=state):
                self._state(state)
            case PeerChanged(peer=peer) if peer is not None and peer.name:
                self.line(f"Talking with {peer.name} ({peer.model_name}, {peer.route}).")
            case MuteChanged(muted=muted):
                self.line("Microphone muted." if muted else "Microphone open.")
            case Notice(severity=severity, text=text):
                self.line(text if severity == "info" else f"{severity.capitalize()}: {text}")

    def status(self, reading: CallReading) -> None:
        """One line of meters, in place, when the output is a terminal."""
        if self._live:
            print(f"\r\x1b[K{brief(reading)}", end="", file=self._said, flush=True)
            self._status_shown = True

    def line(self, text: str) -> None:
        """A line of its own."""
        if self._status_shown:
            print(file=self._said)
            self._status_shown = False
        print(text, file=self._said, flush=True)

    def _state(self, state: CallState) -> None:
        match state:
            case Inviting(link=link):
                self.line("Send this invite to the one you call, and paste their answer here:")
                print(link, file=self._links, flush=True)
            case Answering(link=link):
                self.line("Send this answer back to the one who invited you:")
                print(link, file=self._links, flush=True)
            case Connecting():
                self.line("Connecting …")
            case Talking():
                self.line("Connected.")
            case Ended(reason=reason, failed=failed):
                self.line(f"Error: {reason}" if failed else reason)


def brief(reading: CallReading) -> str:
    """The meters in one line."""
    band = reading.bandwidth
    delay = reading.incoming.mouth_to_ear if reading.incoming else None
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
    return (
        f"{parts.mouth_to_ear:.0f} ms mouth to ear = capture {parts.capture:.0f} + chunk "
        f"{parts.chunk:.0f} + encode {parts.encode:.0f} + network {parts.network:.0f} + jitter "
        f"{parts.jitter:.0f} + decode {parts.decode:.0f} + playout {parts.playout:.0f}"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
