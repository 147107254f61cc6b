"""A long call in real time: is it as late and as large at the end as after a minute?

    python -m benchmarks.endurance [--minutes 20] [--files]

Two processes of `undertone call --headless` on loopback, both ends speaking without a pause; their
microphones and loudspeakers are PortAudio's on PulseAudio null sinks, or with `--files`, and where
there are none, sound files. Printed each minute are the resident memory of both processes, the
latency from mouth to ear as their meters add it up (the mean over that minute, of the slower way),
and the share of chunks concealed since the minute before.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from app.demo import bundled_clip
from codec.evaluate.measures import RATE
from codec.evaluate.table import read_clip
from tests import virtual_audio
from tests.talker import Talker

_NAMES = ("alice", "bob")
_LONGER_SECONDS = 60


@dataclass(frozen=True)
class Minute:
    """How an end was over a minute: MB of memory, ms of latency, the share of chunks concealed."""

    memory: float
    latency: float
    concealed: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--files", action="store_true", help="sound files in place of devices")
    options = parser.parse_args()
    if options.minutes < 2:
        parser.error("two minutes are the least to compare")
    reason = None if options.files else virtual_audio.missing()
    if reason:
        print(f"No devices: {reason}. Files take their place.", file=sys.stderr)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="undertone-")))
        speech = _speech(folder / "speech.wav", options.minutes * 60 + _LONGER_SECONDS)
        ends = (
            stack.enter_context(_by_files(folder, speech))
            if options.files or reason
            else stack.enter_context(_by_devices(folder, speech))
        )
        first: tuple[Minute, ...] | None = None
        print("minute | memory, MB | mouth to ear, ms | concealed", flush=True)
        for minute in range(1, options.minutes + 1):
            time.sleep(60)
            now = tuple(_minute(ends[name], folder / f"{name}.jsonl") for name in _NAMES)
            first = first or now
            print(f"{minute:6} | {_row(now)}", flush=True)
    assert first is not None
    grown = max(last.memory / before.memory for last, before in zip(now, first, strict=True))
    later = max(last.latency - before.latency for last, before in zip(now, first, strict=True))
    print(f"From minute 1 to {options.minutes}: memory × {grown:.2f}, latency {later:+.0f} ms.")
    return 0


def _row(ends: tuple[Minute, ...]) -> str:
    return " | ".join(
        (
            " ".join(f"{end.memory:6.0f}" for end in ends),
            " ".join(f"{end.latency:6.0f}" for end in ends),
            " ".join(f"{end.concealed:6.2%}" for end in ends),
        )
    )


def _speech(file: Path, seconds: int) -> Path:
    clip = read_clip(bundled_clip())
    soundfile.write(file, np.resize(clip, seconds * RATE), RATE)
    return file


def _minute(end: Talker, report: Path) -> Minute:
    readings = [json.loads(row) for row in report.read_text().splitlines()[:-1]]
    last = readings[-1]
    recent = [reading for reading in readings if reading["at"] > last["at"] - 60]
    played, concealed = (
        last[name] - recent[0][name] for name in ("chunks_played", "chunks_concealed")
    )
    latencies = [_latency(reading) for reading in recent if reading["incoming"] is not None]
    return Minute(
        _memory(end.process.pid),
        sum(latencies) / len(latencies),
        concealed / max(played + concealed, 1),
    )


def _latency(reading: dict[str, Any]) -> float:
    ways = (reading["incoming"], reading["outgoing"] or {})
    return max(sum(value or 0.0 for value in way.values()) for way in ways)


def _memory(pid: int) -> float:
    """Resident MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def _by_devices(folder: Path, speech: Path) -> Iterator[dict[str, Talker]]:
    with virtual_audio.virtual_audio(folder / "pulse", list(_NAMES)) as audio:
        environments = {name: audio.env(name) for name in _NAMES}
        with _call(folder, environments, dict.fromkeys(_NAMES, ())) as ends:
            voices = [audio.start_speaking(name, speech) for name in _NAMES]
            try:
                yield ends
            finally:
                for voice in voices:
                    voice.kill()
                    voice.wait()


@contextmanager
def _by_files(folder: Path, speech: Path) -> Iterator[dict[str, Talker]]:
    files = {name: ("--input", speech, "--output", folder / f"{name}.wav") for name in _NAMES}
    with _call(folder, {name: dict(os.environ) for name in _NAMES}, files) as ends:
        yield ends


@contextmanager
def _call(
    folder: Path, environments: dict[str, dict[str, str]], files: dict[str, tuple[object, ...]]
) -> Iterator[dict[str, Talker]]:
    """Both ends, from when they are connected."""
    ends: dict[str, Talker] = {}

    def talker(name: str, *arguments: object) -> Talker:
        environment = {**environments[name], "XDG_CONFIG_HOME": str(folder / name)}
        common = ("--loopback", "--continuous", "--report", folder / f"{name}.jsonl")
        ends[name] = Talker(environment, *common, *files[name], *arguments)
        return ends[name]

    try:
        alice = talker("alice")
        bob = talker("bob", "--join", alice.link())
        alice.paste(bob.link())
        for end in (alice, bob):
            end.wait_for("Connected.")
        yield ends
    finally:
        for end in ends.values():
            end.kill()


if __name__ == "__main__":
    sys.exit(main())
