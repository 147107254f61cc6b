"""What a call costs on the wire: two real peers on loopback that send as each profile would.

    python -m benchmarks.wire_cost [--seconds 20] [--bits 16]

Two aiortc peers in one process, both talking without a pause, in real time. Every datagram is
counted at its socket with 28 bytes of IPv4 and UDP headers (app/net/wire.py); codes and payload
are counted by the same meter the app shows. Printed are the means per direction over the given
time after the connection stands, in kbit/s, and what the formula says of voice packets and their
acknowledgements alone, without pings and STUN checks. No audio, no codec: the codes are random.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from dataclasses import dataclass

from app.core import packet
from app.core.meter import Meter
from app.net.config import NetworkConfig
from app.net.peer import PeerConnection
from app.net.state import Connected
from app.net.tuning import ACK_EVERY, ACK_SECONDS
from app.net.wire import ack_bytes, message_bytes

CHUNK_SECONDS = 0.08
MODEL_ID = 1


@dataclass(frozen=True)
class Profile:
    """How packets are filled: chunks new and sent again in each, and whether acks are delayed."""

    name: str
    new: int
    redundant: int
    delay_acks: bool = True


PROFILES = (
    Profile("low delay, acks not delayed", 1, 1, delay_acks=False),
    Profile("low delay", 1, 1),
    Profile("1 new, none again", 1, 0),
    Profile("balanced (2 new, 2 again)", 2, 2),
    Profile("saver (4 new)", 4, 0),
)


@dataclass(frozen=True)
class Cost:
    """Means of one direction, kbit/s."""

    codes: float
    payload: float
    wire: float
    formula: float


class Speaker:
    """One end: a peer, its meter, and a voice of random codes."""

    def __init__(self, profile: Profile, bits: int) -> None:
        self.profile, self.bits = profile, bits
        self.meter = Meter(time.monotonic)
        self.peer = PeerConnection(
            NetworkConfig(loopback=True, delay_acks=profile.delay_acks),
            on_voice=lambda data: self.meter.received_payload(len(data)),
            on_control=lambda data: None,
            on_state=lambda state: None,
            on_wire=self._on_wire,
        )
        self._sequence = 0
        self._past: list[packet.Codes] = []

    def _on_wire(self, up: int, down: int) -> None:
        self.meter.sent_wire(up)
        self.meter.received_wire(down)

    async def speak(self, seconds: float) -> None:
        """Send packets in real time."""
        loop = asyncio.get_running_loop()
        start, count = loop.time(), 0
        while loop.time() < start + seconds:
            self._send()
            count += 1
            pause = start + count * self.profile.new * CHUNK_SECONDS - loop.time()
            await asyncio.sleep(max(pause, 0))

    def _send(self) -> None:
        new = tuple(
            tuple(random.getrandbits(self.bits) for _ in range(packet.CODES_PER_CHUNK))
            for _ in range(self.profile.new)
        )
        redundant = tuple(self._past[-self.profile.redundant :]) if self.profile.redundant else ()
        voice = packet.VoicePacket(MODEL_ID, self._sequence & 0xFFFF, new, redundant)
        data = packet.encode(voice, self.bits)
        if self.peer.send_voice(data):
            self.meter.sent_codes(len(new) * packet.CODES_PER_CHUNK * self.bits)
            self.meter.sent_payload(len(data))
        self._sequence += self.profile.new
        self._past = [*self._past, *new][-packet.MAX_REDUNDANT_CHUNKS :]


def formula(profile: Profile, bits: int) -> float:
    """One direction of a call where both talk: messages, and acknowledgements of the other's."""
    size = packet.packet_bytes(profile.new, profile.redundant, bits)
    interval = profile.new * CHUNK_SECONDS
    covered = min(ACK_EVERY, 1 + ACK_SECONDS // interval) if profile.delay_acks else 1
    return (message_bytes(size) + ack_bytes() / covered) * 8 / interval / 1000


async def measure(profile: Profile, seconds: float, bits: int) -> Cost:
    """Run one call and read the caller's meter."""
    caller, callee = Speaker(profile, bits), Speaker(profile, bits)
    answer = await callee.peer.accept_offer(await caller.peer.create_offer())
    await caller.peer.accept_answer(answer)
    while not all(isinstance(end.peer.state, Connected) for end in (caller, callee)):
        await asyncio.sleep(0.01)
    await asyncio.gather(caller.speak(2.0), callee.speak(2.0))
    before = caller.meter.read()
    await asyncio.gather(caller.speak(seconds), callee.speak(seconds))
    after = caller.meter.read()
    if not caller.peer.stats().wire.exact:
        raise SystemExit("This aiortc does not let datagrams be counted; no figure is better.")
    await asyncio.gather(caller.peer.close(), callee.peer.close())

    def rate(name: str) -> float:
        total = f"{name}_up_total"
        return (getattr(after, total) - getattr(before, total)) * 8 / 1000 / seconds

    return Cost(rate("codes"), rate("payload"), rate("wire"), formula(profile, bits))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--bits", type=int, default=16)
    options = parser.parse_args()
    print(f"{options.seconds:g} s a profile, {options.bits}-bit codes, kbit/s in each direction\n")
    print("| profile | added delay, ms | codes | payload | wire, counted | formula |")
    print("|---|---|---|---|---|---|")
    for profile in PROFILES:
        cost = asyncio.run(measure(profile, options.seconds, options.bits))
        print(
            f"| {profile.name} | {(profile.new - 1) * 80} | {cost.codes:.2f} | {cost.payload:.2f} "
            f"| {cost.wire:.1f} | {cost.formula:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
