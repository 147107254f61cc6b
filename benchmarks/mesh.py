"""A call of many on one machine: what it takes, and whether it holds.

    python -m benchmarks.mesh [--peers 8] [--minutes 10] [--talkers 1] [--model bundled]

Each peer is a process with an engine of its own, all connected to all over real WebRTC through
loopback, with no sound device behind it. The first invites the second, and then one more after
another, who are introduced to the rest. They speak the demo's clip in turns of ten seconds,
`--talkers` at once. Printed of each peer are its processor time in percent of one core, its
resident memory when the call had stood for a tenth of the time and at the end, chunks played, the
share of them concealed, gaps at its loudspeaker, and kbit/s on the wire up and down, to all others
together.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import resource
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from app.audio.instead import FilesInstead
from app.core.settings import Settings
from app.core.state import Event, Notice, PeerLeft
from app.demo import bundled_clip
from app.engine import Engine
from app.engine.model import load_model

PATIENCE = 120.0
TURN_SECONDS = 10.0


@dataclass(frozen=True)
class Look:
    """What a peer says of itself."""

    at: float
    cpu_seconds: float
    memory: int
    others: int
    played: int
    concealed: int
    underruns: int
    wire_up: int
    wire_down: int
    said: tuple[str, ...]


def memory_now() -> int:
    """Bytes of this process that are in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def speech_of(number: int, peers: int, talkers: int, seconds: float) -> np.ndarray:
    """What a peer says: the clip whenever it is its turn, and silence between."""
    clip, rate = soundfile.read(bundled_clip(), dtype="float32")
    turn = np.resize(clip, round(TURN_SECONDS * rate))
    count = int(seconds / TURN_SECONDS) + 1
    is_on = [(number - first * talkers) % peers < talkers for first in range(count)]
    return np.concatenate([turn if on else np.zeros_like(turn) for on in is_on])


def be_a_peer(number: int, model: str, speech: Path, orders: Connection) -> None:
    """Live in a process of its own and do as told."""
    logging.basicConfig(level=logging.CRITICAL)  # What a peer says is printed at the end.
    said: list[str] = []

    def listen(event: Event) -> None:
        match event:
            case Notice(severity="warning" | "error", text=text):
                said.append(text)
            case PeerLeft(peer=peer, reason=reason):
                said.append(f"{peer.name} left: {reason}")

    sound = FilesInstead(None, input_file=speech)
    settings = Settings(name=f"Peer {number}")
    engine = Engine(load_model(model), sound, settings, listen, loopback=True)

    def look() -> Look | None:
        reading = engine.reading()
        if reading is None:
            return None
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Look(
            time.monotonic(),
            used.ru_utime + used.ru_stime,
            memory_now(),
            len(reading.peers),
            reading.chunks_played,
            reading.chunks_concealed,
            reading.underruns,
            reading.bandwidth.wire_up_total,
            reading.bandwidth.wire_down_total,
            tuple(said),
        )

    while True:
        order, *details = orders.recv()
        match order:
            case "invite":
                create = engine.create_call if details == [True] else engine.invite_another
                orders.send(create().result(PATIENCE).link)
            case "join":
                orders.send(engine.join(*details).result(PATIENCE).link)
            case "accept":
                engine.accept_answer(*details).result(PATIENCE)
                orders.send(None)
            case "look":
                orders.send(look())
            case _:
                engine.close().result(PATIENCE)
                orders.send(None)
                return


def ask(peer: Connection, *order: object) -> Any:
    """What a peer answers to an order."""
    peer.send(order)
    if not peer.poll(PATIENCE):
        raise SystemExit(f"A peer did not answer to {order[0]}.")
    return peer.recv()


def wait_for_others(peers: list[Connection]) -> None:
    """Wait until each is connected to every other."""
    until = time.monotonic() + PATIENCE
    while True:
        looks = [ask(peer, "look") for peer in peers]
        if all(look is not None and look.others == len(peers) - 1 for look in looks):
            return
        if time.monotonic() > until:
            raise SystemExit(f"Not all were connected to all: {looks}")
        time.sleep(0.5)


def begin(peers: list[Connection]) -> float:
    """Bring all into one call; seconds from the last answer to everybody connected."""
    for count, newcomer in enumerate(peers[1:], 2):
        invite = ask(peers[0], "invite", count == 2)
        answer = ask(newcomer, "join", invite)
        began = time.monotonic()
        ask(peers[0], "accept", answer)
        wait_for_others(peers[:count])
    return time.monotonic() - began


def table(before: list[Look], after: list[Look], steady: list[Look]) -> str:
    """The figures of each peer, and of all."""
    lines = [
        "| peer | CPU, % of a core | memory, MB | at the end | played | concealed | gaps "
        "| wire up | wire down |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    total = 0.0
    for number, (first, last, middle) in enumerate(zip(before, after, steady, strict=True)):
        seconds = last.at - first.at
        cpu = 100 * (last.cpu_seconds - first.cpu_seconds) / seconds
        total += cpu
        played, lost = last.played - first.played, last.concealed - first.concealed
        lines.append(
            f"| {number} | {cpu:.1f} | {middle.memory / 1e6:.0f} | {last.memory / 1e6:.0f} "
            f"| {played} | {lost / max(played + lost, 1):.2%} | {last.underruns - first.underruns} "
            f"| {(last.wire_up - first.wire_up) * 8e-3 / seconds:.1f} "
            f"| {(last.wire_down - first.wire_down) * 8e-3 / seconds:.1f} |"
        )
    return "\n".join([*lines, f"\nAll together: {total:.0f} % of a core."])


def main() -> None:
    """Hold a call and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--talkers", type=int, default=1)
    parser.add_argument("--model", default="bundled")
    options = parser.parse_args()
    seconds = options.minutes * 60
    spawn = multiprocessing.get_context("spawn")
    peers: list[Connection] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.peers):
            speech = Path(folder) / f"{number}.flac"
            said = speech_of(number, options.peers, options.talkers, seconds + 60 * options.peers)
            soundfile.write(speech, said, 16_000)
            here, there = spawn.Pipe()
            work = (number, options.model, speech, there)
            spawn.Process(target=be_a_peer, args=work, daemon=True).start()
            peers.append(here)
        took = begin(peers)
        print(
            f"{options.peers} peers, {options.talkers} speaking; the last was in after {took:.1f} s"
        )
        before = [ask(peer, "look") for peer in peers]
        time.sleep(seconds / 10)
        steady = [ask(peer, "look") for peer in peers]
        time.sleep(seconds * 0.9)
        after = [ask(peer, "look") for peer in peers]
        print(f"{seconds:.0f} s\n\n{table(before, after, steady)}")
        for number, look in enumerate(after):
            for text in look.said:
                print(f"Peer {number}: {text}")
        for peer in peers:
            ask(peer, "end")


if __name__ == "__main__":
    main()
