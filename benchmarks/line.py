"""What a call costs and what it survives, on an emulated line between two network namespaces.

    python -m benchmarks.line [--only NAME ...] [--speech FOLDER] [--markdown FILE] [--keep FOLDER]

Needs Linux, root, iproute2 and tshark. Each row is a call between two processes of `undertone
call --headless`, in real time, both ends speaking. Wire bytes are counted by tshark on the veth
of each end, IP headers included, from 3 s after the call began, and the worse end is told. The
line takes 20 ms each way and else does what the row says (tests/network/path.py). *Meter* is how
far Undertone's own count of the wire is from tshark's. With a folder of LibriSpeech clips (by
default ../shared/speech/valid) both ends read different clips; without it both speak the bundled
one again and again. The last rows are a WebRTC audio call between two aiortc peers in Opus over
the same line (benchmarks/opus_peer.py).
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from app.demo import bundled_clip
from benchmarks.heard import Judge
from benchmarks.line_rows import ROWS, USUAL, Bench, Ends, Finding, Row
from codec.evaluate.measures import RATE, MeasureMissing
from codec.evaluate.table import read_clip
from tests.network import namespaces
from tests.network.call import SETTLE_SECONDS, hold_call
from tests.network.capture import capturing

_SPEECH = Path(__file__).parents[2] / "shared" / "speech" / "valid"
_TALK_SECONDS = 240
_OPUS_SECONDS = 30
_OPUS = {"opus": 20, "opus-60": 60}
"""Row -> ms of speech in a packet."""


@dataclass(frozen=True)
class Told:
    """A row of the table."""

    title: str
    must: str
    aim: str
    finding: Finding
    wire: str
    meter: str


def main() -> int:
    options = _options()
    if reason := namespaces.missing():
        print(f"{reason} Nothing can be measured here.", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):  # In the background a shell has Ctrl-C ignored.
        signal.signal(number, signal.default_int_handler)
    told = []
    with ExitStack() as stack:
        folder = options.keep
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="undertone-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for each in _measure(options, folder):
                told.append(each)
                print(
                    f"    {each.finding.words} (wire {each.wire}, meter {each.meter})", flush=True
                )
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            if not told:
                return 130
    table = markdown(told)
    print(f"\n{table}")
    if options.markdown is not None:
        options.markdown.write_text(table + "\n", encoding="utf-8")
    return 0 if all(each.finding.fits_must is not False for each in told) else 1


def _options() -> argparse.Namespace:
    names = [*(row.name for row in ROWS), *_OPUS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--speech", type=Path, default=_SPEECH, help="a folder of librispeech-*")
    parser.add_argument("--markdown", type=Path, help="write the table there too")
    parser.add_argument("--keep", type=Path, help="keep what was said, heard and captured there")
    options = parser.parse_args()
    wanted = set(options.only or names)
    wanted |= {row.needs for row in ROWS if row.name in wanted}
    options.rows = [row for row in ROWS if row.name in wanted]
    options.opus = [name for name in _OPUS if name in wanted]
    return options


def _measure(options: argparse.Namespace, folder: Path) -> Iterator[Told]:
    try:
        judge = Judge()
    except MeasureMissing as error:
        print(f"No words are counted: {error}", file=sys.stderr)
        judge = None
    bench = Bench(judge=judge, before={}, **_speech(options.speech, folder))
    for row in options.rows:
        _progress(row.name, row.title, row.seconds)
        (folder / row.name).mkdir(exist_ok=True)
        yield _run(row, bench, folder / row.name)
    for name in options.opus:
        _progress(name, f"Opus, {_OPUS[name]} ms a packet", _OPUS_SECONDS)
        (folder / name).mkdir(exist_ok=True)
        yield _run_opus(_OPUS[name], bench.talk["left"], folder / name)


def _progress(name: str, title: str, seconds: float) -> None:
    print(f"{time.strftime('%H:%M:%S')} {name}: {title}, {seconds:.0f} s ...", flush=True)


def _speech(clips: Path, folder: Path) -> dict[str, dict[str, Path]]:
    """The files of `Bench`, each for both ends."""
    found = sorted(clips.glob("librispeech-*")) or [bundled_clip()] * 2
    files: dict[str, dict[str, Path]] = {"talk": {}, "words": {}, "silence": {}}
    for index, end in enumerate(("left", "right")):
        words = np.concatenate([read_clip(file) for file in found[index::2]])
        samples = _TALK_SECONDS * RATE
        noise = np.random.default_rng(index).normal(0, 10 ** (-70 / 20), samples)
        for kind, sig in (
            ("words", words),
            ("talk", np.tile(words, samples // len(words) + 1)[:samples]),
            ("silence", noise),
        ):
            files[kind][end] = folder / f"{kind}-{end}.wav"
            soundfile.write(files[kind][end], sig, RATE)
    return files


def _run(row: Row, bench: Bench, folder: Path) -> Told:
    speech = {"talk": bench.talk, "words": bench.words, "silence": bench.silence}[row.speech]
    with namespaces.line() as line:
        line.set(row.path)
        meanwhile = row.meanwhile
        try:
            ends = hold_call(
                line,
                folder,
                speech,
                row.seconds,
                *row.arguments,
                meanwhile=None if meanwhile is None else lambda began: meanwhile(line, began),
            )
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            finding = Finding(f"the call failed: {str(error).strip()[-200:]}", False, False)
            return Told(row.title, *row.asked, finding, "", "")
    bench.before[row.name] = ends
    return Told(row.title, *row.asked, row.find(ends, bench), _wire(ends), _meter(ends))


def _wire(ends: Ends) -> str:
    return f"{max(end.wire()[0] for end in ends.values()):.2f}"


def _meter(ends: Ends) -> str:
    return f"{max(end.meter_error() for end in ends.values()):.1%}"


def _run_opus(frame_ms: int, speech: Path, folder: Path) -> Told:
    with ExitStack() as stack:
        line = stack.enter_context(namespaces.line())
        line.set(USUAL)
        opus_peer = [sys.executable, "-m", "benchmarks.opus_peer", str(speech)]
        opus_peer += ["--seconds", str(_OPUS_SECONDS), "--frame-ms", str(frame_ms)]
        with capturing(line.ends["left"], folder / "opus.pcapng") as capture:
            peers = [
                stack.enter_context(
                    subprocess.Popen(
                        [*line.ends[end].command, *opus_peer, *more],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                )
                for end, more in (("left", ()), ("right", ("--answer",)))
            ]
            caller, callee = peers
            _hand_over(caller, callee)
            _hand_over(callee, caller)
            told = [json.loads(_line_of(peer)) for peer in peers]
    since, until = told[0]["began"] + SETTLE_SECONDS, told[0]["ended"]
    rates = [octets * 8 / 1000 / (until - since) for octets in capture.octets(since, until)]
    heard = min(each["heard"] for each in told)
    return Told(
        f"Opus at 6 kbit/s by WebRTC (aiortc), {frame_ms} ms a packet",
        *("", ""),
        Finding(f"{max(rates):.1f} kbit/s; {heard:.0f} s of {_OPUS_SECONDS} heard"),
        f"{max(rates):.2f}",
        "",
    )


def _hand_over(giver: subprocess.Popen[str], taker: subprocess.Popen[str]) -> None:
    assert taker.stdin is not None
    taker.stdin.write(_line_of(giver))
    taker.stdin.flush()


def _line_of(peer: subprocess.Popen[str]) -> str:
    assert peer.stdout is not None
    return peer.stdout.readline()


def markdown(told: list[Told]) -> str:
    """The table."""
    rows = [
        "| scenario | must | aim | measured | fits | wire, kbit/s | meter off by |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in told:
        cells = (each.title, each.must, each.aim, each.finding.words, _fits(each.finding))
        rows.append(f"| {' | '.join((*cells, each.wire, each.meter))} |")
    return "\n".join(rows)


def _fits(finding: Finding) -> str:
    if finding.fits_must is None:
        return ""
    if not finding.fits_must:
        return "**no**"
    return "aim" if finding.fits_aim else "must"


if __name__ == "__main__":
    sys.exit(main())
