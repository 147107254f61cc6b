"""What decoding several peers takes as a call does it: out of step, in time, passes shared or not.

    python -m benchmarks.listening [--model build/realtime --precision int8] [--peers 1 2 4 7]

Packets of so many peers come every 80 ms, each peer's at a moment of its own, to the listening side
of a call in real time, with a loudspeaker that is a clock. Printed is the processor time of all of
it in percent of a core: with chunks that are nearly due decoded together, and with only those that
are due at once; and how long the loudspeaker had nothing. Other programs that take the processor
meanwhile make that longer, and chunks that come too late are not decoded.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import app.core.passes
from app.core import packet
from app.core.meter import Meter
from app.core.packet import VoicePacket
from app.engine.listening import Listening
from codec.model.codec import Codec
from codec.runtime.loading import load_to_stream
from codec.runtime.products import PRECISIONS
from codec.spec import CHUNK_CODES, CHUNK_SECONDS

SETTLE_SECONDS = 2.0


class Clockwork:
    """A loudspeaker that plays what it is given, in time, to nobody."""

    latency = 0.0

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._until = time.monotonic()
        self.silent = 0.0

    @property
    def queued(self) -> float:
        return max(self._until - time.monotonic(), 0.0)

    def write(self, pcm: np.ndarray) -> None:
        now = time.monotonic()
        self.silent += max(now - self._until, 0.0)
        self._until = max(self._until, now) + len(pcm) / self._rate

    def wait_below(self, seconds: float, timeout: float) -> bool:
        wait = self.queued - seconds
        time.sleep(min(max(wait, 0.0), timeout))
        return wait <= timeout


def measure(codec: Codec, peers: int, seconds: float) -> tuple[float, float]:
    """Percent of a core, and milliseconds in which nothing was there to be played."""
    loudspeaker = Clockwork(codec.spec.output_rate)
    listening = Listening(
        codec,
        loudspeaker,  # type: ignore[arg-type]
        clock=time.monotonic,
        say=lambda notice: print(notice.text),
    )
    hearings = [listening.add(Meter(time.monotonic)) for _ in range(peers)]
    rng = np.random.default_rng(0)
    moments = sorted((float(m), i) for i, m in enumerate(rng.uniform(0, CHUNK_SECONDS, peers)))
    bits = codec.spec.bits_per_code
    listening.start()
    began, used, silent, number = time.monotonic(), 0.0, 0.0, 0
    settled = False
    while number * CHUNK_SECONDS < SETTLE_SECONDS + seconds:
        if not settled and number * CHUNK_SECONDS >= SETTLE_SECONDS:
            settled, used, silent = True, time.process_time(), loudspeaker.silent
        for moment, peer in moments:
            due = began + number * CHUNK_SECONDS + moment
            time.sleep(max(due - time.monotonic(), 0.0))
            codes = tuple(int(code) for code in rng.integers(0, 1 << bits, CHUNK_CODES))
            sent = VoicePacket(codec.spec.model_id, number, (codes,), onset=number == 0)
            hearings[peer].receive(packet.encode(sent, bits))
        number += 1
    used, silent = time.process_time() - used, loudspeaker.silent - silent
    listening.stop()
    return 100.0 * used / seconds, 1000.0 * silent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--precision", choices=PRECISIONS)
    parser.add_argument("--peers", type=int, nargs="+", default=[1, 2, 4, 7])
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    codec = load_to_stream(arguments.model, precision=arguments.precision)
    together = app.core.passes.EARLY_SECONDS
    print("| peers | together: % of a core | nothing to play, ms | apart: % of a core | ms |")
    print("|---|---|---|---|---|")
    for peers in arguments.peers:
        figures: list[float] = []
        for early in (together, 0.0):
            app.core.passes.EARLY_SECONDS = early
            figures += measure(codec, peers, arguments.seconds)
        print(f"| {peers} | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()
