"""The rows of `benchmarks.line`: what is done to a line, and what must come of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as File

from benchmarks.heard import OTHER, Judge, drift_ms
from tests.network.call import Outcome
from tests.network.namespaces import Line
from tests.network.path import Path

Ends = dict[str, Outcome]

USUAL = Path(delay=0.02)


@dataclass(frozen=True)
class Finding:
    """What came of a row. `fits` is None where nothing is asked."""

    words: str
    fits_must: bool | None = None
    fits_aim: bool | None = None


@dataclass(frozen=True)
class Bench:
    """What rows share: files to speak, the recogniser (None where it is missing), and the rows
    that ran before."""

    talk: dict[str, File]
    words: dict[str, File]
    silence: dict[str, File]
    judge: Judge | None
    before: dict[str, Ends]


@dataclass(frozen=True)
class Row:
    """A scenario. `path` is how the line is when the call begins, `speech` which files of `Bench`
    are spoken, `asked` what must be and what is aimed at, `find` reads off what came of it, and
    `meanwhile` is what happens once both talk."""

    name: str
    title: str
    asked: tuple[str, str]
    find: Callable[[Ends, Bench], Finding]
    path: Path = USUAL
    seconds: float = 40.0
    speech: str = "talk"
    arguments: tuple[str, ...] = ()
    meanwhile: Callable[[Line, float], None] | None = None
    needs: str = ""


def _worst(ends: Ends, value: Callable[[Outcome], float]) -> float:
    return max(value(end) for end in ends.values())


def _wire(must: float, aim: float) -> Callable[[Ends, Bench], Finding]:
    def find(ends: Ends, bench: Bench) -> Finding:
        worst = _worst(ends, lambda end: end.wire()[0])
        return Finding(f"{worst:.2f} kbit/s", worst <= must, worst <= aim)

    return find


def _concealed(ends: Ends, bench: Bench) -> Finding:
    worst = _worst(ends, lambda end: end.concealed)
    return Finding(f"{worst:.2%} of chunks concealed", worst <= 0.01, worst <= 0.003)


def _lossless(ends: Ends, bench: Bench) -> Finding:
    if bench.judge is None:
        return Finding("moonshine-voice is missing")
    wrong = bench.judge.wrong({end: ends[end].heard for end in ends}, bench.words)
    return Finding(f"dWER {wrong:.1%}, {_worst(ends, lambda end: end.concealed):.2%} concealed")


def _bursts(ends: Ends, bench: Bench) -> Finding:
    if bench.judge is None:
        return Finding("moonshine-voice is missing")
    clean = bench.judge.wrong(
        {end: outcome.heard for end, outcome in bench.before["lossless"].items()}, bench.words
    )
    wrong = bench.judge.wrong({end: ends[end].heard for end in ends}, bench.words)
    more = wrong / clean - 1
    concealed = _worst(ends, lambda end: end.concealed)
    return Finding(
        f"dWER {wrong:.1%}, {more:+.0%} of the lossless {clean:.1%}; {concealed:.2%} concealed",
        more <= 0.15,
        more <= 0.08,
    )


def _fades(line: Line, began: float) -> None:
    """From when both talk: to connect over such a line may take more than one try."""
    line.set(Path(delay=0.02, loss=0.2, burst=3))


_JITTER_MS = 200.0


def _jitter(ends: Ends, bench: Bench) -> Finding:
    """Where packets are held back for 0 to 200 ms, the least is 200 ms above a still line."""
    words, beyond, drift = [], 0.0, 0.0
    for name, end in ends.items():
        still = bench.before["still"][name]
        began, over = end.readings[0]["at"], end.readings[-1]["at"]
        middle, last = end.latency(began + 15, began + 35), end.latency(over - 20, over)
        usual = still.latency(still.readings[0]["at"] + 10, still.readings[-1]["at"])
        beyond = max(beyond, last - usual - _JITTER_MS)
        drift = max(drift, last - middle, drift_ms(bench.talk[OTHER[name]], end.heard))
        words.append(f"{last:.0f} ms")
    return Finding(
        f"mouth to ear {' and '.join(words)}, {beyond:+.0f} ms of the least; drift {drift:.0f} ms",
        beyond <= 60 and drift <= 60,
        beyond <= 60 and drift <= 60,
    )


def _still(ends: Ends, bench: Bench) -> Finding:
    usual = _worst(
        ends, lambda end: end.latency(end.readings[0]["at"] + 10, end.readings[-1]["at"])
    )
    return Finding(f"mouth to ear {usual:.0f} ms")


_NARROW_AFTER = 5.0


def _narrow(line: Line, began: float) -> None:
    time.sleep(_NARROW_AFTER)
    line.set(Path(delay=0.02, kbits=8.0))


def _narrowed(ends: Ends, bench: Bench) -> Finding:
    slowest, share, wire = 0.0, 0.0, 0.0
    for end in ends.values():
        began, over = end.readings[0]["at"], end.readings[-1]["at"]
        since = began + _NARROW_AFTER
        at = end.profile_from("saver", since)
        slowest = max(slowest, (at if at is not None else float("inf")) - since)
        settled = [reading for reading in end.readings if reading["at"] >= since + 10]
        counts = [
            settled[-1][name] - settled[0][name] for name in ("chunks_played", "chunks_concealed")
        ]
        share = max(share, counts[1] / max(sum(counts), 1))
        sent, _ = end.capture.octets(since + 10, over)
        wire = max(wire, sent * 8 / 1000 / (over - since - 10))
    return Finding(
        f"saver after {slowest:.1f} s; from 10 s on {share:.1%} concealed at {wire:.1f} kbit/s",
        slowest <= 5 and share <= 0.05,
        slowest <= 5 and share <= 0.01,
    )


_BREAK_AFTER = 8.0


def _hole(seconds: float) -> Callable[[Line, float], None]:
    def meanwhile(line: Line, began: float) -> None:
        time.sleep(_BREAK_AFTER)
        line.set(Path(down=True))
        time.sleep(seconds)
        line.set(USUAL)

    return meanwhile


def _walk(line: Line, began: float) -> None:
    time.sleep(_BREAK_AFTER)
    line.change_address("left")


def _again(after: float) -> Callable[[Ends, Bench], Finding]:
    """How long after the line was whole again, `after` seconds from its break, speech was too."""

    def find(ends: Ends, bench: Bench) -> Finding:
        slowest = 0.0
        for end in ends.values():
            broke = end.readings[0]["at"] + _BREAK_AFTER
            _, until = end.halt(broke)
            if until >= end.readings[-1]["at"]:
                slowest = float("inf")
            slowest = max(slowest, until - broke - after)
        words = (
            "no speech again" if slowest == float("inf") else f"speech again after {slowest:.1f} s"
        )
        return Finding(words, slowest <= 5, slowest <= 2)

    return find


def _both_talk(profile: str) -> tuple[str, ...]:
    return "--profile", profile, "--continuous"


ROWS = (
    Row(
        "low-delay",
        "both talk, *low delay*",
        ("≤ 14 kbit/s", "≤ 11"),
        _wire(14, 11),
        arguments=_both_talk("low delay"),
    ),
    Row(
        "balanced",
        "both talk, *balanced*",
        ("≤ 8 kbit/s", "≤ 6.5"),
        _wire(8, 6.5),
        arguments=_both_talk("balanced"),
    ),
    Row(
        "saver",
        "both talk, *saver*",
        ("≤ 4.5 kbit/s", "≤ 3.5"),
        _wire(4.5, 3.5),
        arguments=_both_talk("saver"),
    ),
    Row(
        "silent",
        "both silent",
        ("≤ 0.6 kbit/s", "≤ 0.4"),
        _wire(0.6, 0.4),
        seconds=130,
        speech="silence",
    ),
    Row(
        "loss",
        "10 % random loss, *balanced*",
        ("≤ 1 % concealed", "≤ 0.3 %"),
        _concealed,
        Path(delay=0.02, loss=0.1),
        seconds=100,
        arguments=_both_talk("balanced"),
    ),
    Row("lossless", "no loss, for comparison", ("", ""), _lossless, seconds=200, speech="words"),
    Row(
        "bursts",
        "20 % loss in bursts of 3",
        ("dWER within 15 % of lossless", "8 %"),
        _bursts,
        seconds=200,
        speech="words",
        meanwhile=_fades,
        needs="lossless",
    ),
    Row(
        "still",
        "no jitter, for comparison",
        ("", ""),
        _still,
        seconds=35,
        arguments=_both_talk("low delay"),
    ),
    Row(
        "jitter",
        "jitter 0 to 200 ms, reordered, 5 % twice",
        ("≤ 60 ms over the least, no drift", ""),
        _jitter,
        Path(delay=0.02, jitter=0.2, duplicate=0.05),
        seconds=90,
        arguments=_both_talk("low delay"),
        needs="still",
    ),
    Row(
        "narrow",
        "8 kbit/s each way",
        ("*saver* by itself within 5 s, call holds", ""),
        _narrowed,
        seconds=60,
        arguments=("--continuous",),
        meanwhile=_narrow,
    ),
    Row(
        "hole",
        "black hole of 20 s",
        ("speech within 5 s of its end", "2 s"),
        _again(20),
        seconds=60,
        arguments=("--continuous",),
        meanwhile=_hole(20),
    ),
    Row(
        "address",
        "address changes",
        ("speech within 5 s", "2 s"),
        _again(0),
        seconds=50,
        arguments=("--continuous",),
        meanwhile=_walk,
    ),
)
"""All rows, each after the one it needs."""
