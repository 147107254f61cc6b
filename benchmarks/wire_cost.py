"""What a call costs on the wire: two real peers on loopback that send as each profile would.

    python -m benchmarks.wire_cost [--seconds 20] [--silent 120] [--bits 16]

Two aiortc peers in one process, in real time: both talking without a pause, one of them, or none.
Every datagram is counted at its socket with 28 bytes of IPv4 and UDP headers (app/net/wire.py);
codes and payload are counted by the same meter the app shows. Packets are filled by the app's own
packer (app/core/packing.py). Printed are the means of one direction over the given time after the
connection stands, in kbit/s, and what the formula says of voice packets and their acknowledgements
alone, without pings and STUN checks. No audio, no codec: the codes are random.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from dataclasses import dataclass

from app.core import packet
from app.core.meter import Meter
from app.core.packet import NoiseHint
from app.core.packing import Packer, Rate
from app.core.profile import LinkReading, Plan, Profile, ProfilePolicy
from app.net.config import NetworkConfig
from app.net.cost import CHUNK_SECONDS, LEAN_BITS, added_delay, voice_kbit
from app.net.peer import PeerConnection
from app.net.state import Connected

ROOM = NoiseHint(55, (60, 110, 120))


@dataclass(frozen=True)
class Case:
    """Who talks, how packets are filled, and whether aiortc is tuned (app/net/tuning.py)."""

    name: str
    plan: Plan
    talkers: int = 2
    tuned: bool = True


def plan_of(profile: Profile, loss: float = 0.0) -> Plan:
    """What the app does by this profile, at this loss."""
    return ProfilePolicy(time.monotonic, profile).decide(LinkReading(loss=loss))


LOW = plan_of(Profile.LOW_DELAY)
CASES = (
    Case("low delay, aiortc untuned", LOW, tuned=False),
    Case("low delay", LOW),
    Case("low delay, 10 % lost", plan_of(Profile.LOW_DELAY, 0.1)),
    Case("balanced", plan_of(Profile.BALANCED)),
    Case("balanced, 20 % lost", plan_of(Profile.BALANCED, 0.2)),
    Case("saver", plan_of(Profile.SAVER)),
    Case("low delay, who talks to someone silent", LOW, talkers=1),
    Case("both silent", LOW, talkers=0),
)


@dataclass(frozen=True)
class Cost:
    """Means of one direction, kbit/s."""

    codes: float
    payload: float
    wire: float
    formula: float


class Speaker:
    """One end: a peer, its meter, and a voice of random codes, or silence."""

    def __init__(self, case: Case, bits: int, talks: bool) -> None:
        self.case, self.bits, self.talks = case, bits, talks
        self.meter = Meter(time.monotonic)
        self.peer = PeerConnection(
            NetworkConfig(loopback=True, tuned=case.tuned),
            on_voice=lambda data: self.meter.received_payload(len(data)),
            on_control=lambda data: None,
            on_state=lambda state: None,
            on_wire=self._on_wire,
        )
        self._packer = Packer((Rate(1, bits), Rate(6, LEAN_BITS, max(bits - LEAN_BITS, 0))))

    def _on_wire(self, up: int, down: int) -> None:
        self.meter.sent_wire(up)
        self.meter.received_wire(down)

    async def speak(self, seconds: float) -> None:
        """Send packets in real time."""
        loop = asyncio.get_running_loop()
        start, count = loop.time(), 0
        while loop.time() < start + seconds:
            self._chunk()
            count += 1
            await asyncio.sleep(max(start + count * CHUNK_SECONDS - loop.time(), 0))

    def _chunk(self) -> None:
        codes = tuple(random.getrandbits(self.bits) for _ in range(packet.CODES_PER_CHUNK))
        plan = self.case.plan
        out = (
            self._packer.voice(codes, plan)
            if self.talks
            else self._packer.silence(codes, ROOM, plan)
        )
        for each in out:
            if self.peer.send_voice(each.data):
                self.meter.sent_codes(each.code_bits)
                self.meter.sent_payload(len(each.data))


def formula(case: Case, bits: int) -> float:
    """One direction of a call: its own messages, and acknowledgements of the other's."""
    if not case.talkers:
        return 0.0
    return voice_kbit(case.plan, bits, both=case.talkers == 2, tuned=case.tuned)


async def measure(case: Case, seconds: float, bits: int) -> Cost:
    """Run one call and read the meter of the end that talks, if one does."""
    caller = Speaker(case, bits, talks=case.talkers > 0)
    callee = Speaker(case, bits, talks=case.talkers > 1)
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

    return Cost(rate("codes"), rate("payload"), rate("wire"), formula(case, bits))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--silent", type=float, default=120.0, help="seconds with nobody talking")
    parser.add_argument("--bits", type=int, default=16)
    options = parser.parse_args()
    print(
        f"{options.seconds:g} s a case, {options.silent:g} s of silence, {options.bits}-bit codes, "
        "kbit/s in each direction\n"
    )
    print(
        "| case | chunks, repeats | added delay, ms | codes | payload | wire, counted | formula |"
    )
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        seconds = options.seconds if case.talkers else options.silent
        cost = asyncio.run(measure(case, seconds, options.bits))
        plan = case.plan
        print(
            f"| {case.name} | {plan.new}, {len(plan.distances)} | {added_delay(plan) * 1000:.0f} "
            f"| {cost.codes:.2f} | {cost.payload:.2f} | {cost.wire:.2f} | {cost.formula:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
