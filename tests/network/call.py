"""A call between two processes, each in a network namespace of its own, and what became of it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.network.capture import Capture, capturing
from tests.network.namespaces import Line
from tests.talker import Talker

SETTLE_SECONDS = 3.0
"""What a call costs is counted from so long after it began."""

_MARGIN_SECONDS = 1.0
_PATIENCE = 60


@dataclass(frozen=True)
class Outcome:
    """What one end told of its call (`app.report`), what it heard, and what passed its device."""

    readings: list[dict[str, Any]]
    heard: Path
    said: str
    capture: Capture

    @property
    def span(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The first and last reading between which costs are compared."""
        since, until = self.readings[0]["at"], self.readings[-1]["at"]
        within = [
            reading
            for reading in self.readings
            if since + SETTLE_SECONDS <= reading["at"] <= until - _MARGIN_SECONDS
        ]
        return within[0], within[-1]

    def wire(self) -> tuple[float, float]:
        """kbit/s up and down, as tshark counts them."""
        first, last = self.span
        up, down = self.capture.octets(first["at"], last["at"])
        seconds = last["at"] - first["at"]
        return up * 8 / 1000 / seconds, down * 8 / 1000 / seconds

    def metered(self) -> tuple[float, float]:
        """kbit/s up and down over the same time, as Undertone's own meter counts them."""
        first, last = self.span
        seconds = last["at"] - first["at"]

        def rate(name: str) -> float:
            return (last["bandwidth"][name] - first["bandwidth"][name]) * 8 / 1000 / seconds

        return rate("wire_up_total"), rate("wire_down_total")

    def meter_error(self) -> float:
        """How far the own meter is from tshark, as a share; of the worse direction."""
        pairs = zip(self.metered(), self.wire(), strict=True)
        return max(abs(own - true) / true for own, true in pairs)

    def halt(self, since: float) -> tuple[float, float]:
        """The longest time after `since` in which no speech was played: from when to when."""
        longest, last = (since, since), since
        for before, after in pairwise(self.readings):
            if after["at"] > since and after["chunks_played"] != before["chunks_played"]:
                if after["at"] - last > longest[1] - longest[0]:
                    longest = last, after["at"]
                last = after["at"]
        end = self.readings[-1]["at"]
        return (last, end) if end - last > longest[1] - longest[0] else longest

    def profile_from(self, name: str, since: float) -> float | None:
        """When after `since` packets were first filled by this profile; None for never."""
        times = (reading["at"] for reading in self.readings if reading["profile"] == name)
        return next((at for at in times if at >= since), None)

    def latency(self, since: float, until: float) -> float:
        """Mean ms from the other's mouth to this ear, as this end's meters add it up."""
        parts = [
            sum(value or 0.0 for value in reading["incoming"].values())
            for reading in self.readings
            if since <= reading["at"] <= until and reading["incoming"] is not None
        ]
        return sum(parts) / len(parts)

    @property
    def concealed(self) -> float:
        """The share of chunks that had to be concealed."""
        last = self.readings[-1]
        concealed = last["chunks_concealed"]
        return concealed / max(concealed + last["chunks_played"], 1)


def hold_call(
    line: Line,
    folder: Path,
    speech: dict[str, Path],
    seconds: float,
    *arguments: str,
    meanwhile: Callable[[float], None] | None = None,
) -> dict[str, Outcome]:
    """Call from `left` to `right` for so long; each speaks a file of `speech`.

    `arguments` are given to both. `meanwhile` is called with the time (Unix) at which both talk,
    and may take as long as the call.
    """
    ends = ("left", "right")
    with contextlib.ExitStack() as stack:
        captures = {
            end: stack.enter_context(capturing(line.ends[end], folder / f"{end}.pcapng"))
            for end in ends
        }

        def talker(end: str, *more: str) -> Talker:
            return stack.enter_context(_talker(line, end, folder, speech[end], *arguments, *more))

        left = talker("left", "--seconds", str(seconds))
        right = talker("right", "--join", left.link())
        left.paste(right.link())
        for each in (left, right):
            each.wait_for("Connected.")
        began = time.time()
        if meanwhile is not None:
            meanwhile(began)
        said = {}
        for end, each in (("left", left), ("right", right)):
            each.process.wait(seconds + _PATIENCE)
            said[end] = each.said
    return {
        end: Outcome(_readings(folder / f"{end}.jsonl"), folder / f"{end}.wav", said[end], capture)
        for end, capture in captures.items()
    }


@contextlib.contextmanager
def _talker(line: Line, end: str, folder: Path, speech: Path, *arguments: str) -> Iterator[Talker]:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / end)}
    files: Sequence[object] = (
        *("--input", speech, "--output", folder / f"{end}.wav"),
        *("--report", folder / f"{end}.jsonl", "--name", end),
    )
    talker = Talker(environment, *files, *arguments, within=line.ends[end].command)
    try:
        yield talker
    finally:
        talker.kill()


def _readings(file: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in file.read_text().splitlines()]
