"""Every decoder of bytes from outside, against bytes that nobody meant.

    python -m benchmarks.fuzz [--count 1000000] [--only NAME ...] [--seed 1]

Each input is random bytes, or a valid message that was changed: bits flipped, bytes put in, left
out, moved or repeated, fields set to their extremes, two messages spliced. Where a checksum
guards a format it is made right again in half of the inputs, so that what lies behind it is
reached. An input may be read or refused by an error that has a name; anything else is told with
the input.
"""

from __future__ import annotations

import argparse
import base64
import io
import random
import sys
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.core import control, packet
from app.core.arrivals import ArrivalMeter
from app.core.control import (
    ControlError,
)
from app.core.control_format import decode_control, encode_control
from app.core.description import Candidate, CandidateKind, Description, DescriptionInvalid, Setup
from app.core.jitter import JitterBuffer
from app.core.meter import EndLatency
from app.core.models import ModelOffer
from app.core.packet import NoiseHint, PacketError, SequenceUnwrapper, SilencePacket, VoicePacket
from app.core.playout import Cadence
from app.net.sdp import from_sdp, to_sdp
from app.rendezvous.base import Letter
from app.rendezvous.errors import LinkError
from app.rendezvous.manual import (
    CHECKSUM_BYTES,
    PREFIX,
    Link,
    LinkKind,
    ManualRendezvous,
    _checksum,
    write_link,
)
from codec import bits
from codec.container import FcsHeader, FcsReader, FcsWriter
from codec.errors import BadCodes, ContainerError

BITS = {1: 16, 2: 11, 3: 12, 4: 16, 5: 12, 6: 11}
_LONGEST = 400


@dataclass(frozen=True)
class Target:
    """A decoder: `read` takes bytes, and may raise `named` and nothing else.

    `seeds` are valid inputs; `mend` makes the checksums of an input right.
    """

    read: Callable[[bytes], object]
    named: type[Exception]
    seeds: Sequence[bytes]
    mend: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True)
class Find:
    """An input that a decoder did not stand, and the traceback."""

    data: bytes
    traceback: str


def fuzz(target: Target, count: int, rng: random.Random) -> tuple[Counter[str], list[Find]]:
    """What became of `count` inputs, by the name of the error ("read" for none), and the finds."""
    became: Counter[str] = Counter()
    finds: dict[str, Find] = {}
    for _ in range(count):
        data = _input(target, rng)
        try:
            target.read(data)
        except target.named as error:
            became[type(error).__name__] += 1
        except Exception:
            told = traceback.format_exc()
            became["not named"] += 1
            finds.setdefault(told, Find(data, told))
        else:
            became["read"] += 1
    return became, list(finds.values())


def _input(target: Target, rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(_LONGEST))
    data = bytearray(rng.choice(target.seeds))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        _change(data, target.seeds, rng)
    return target.mend(bytes(data)) if rng.random() < 0.5 else bytes(data)


def _change(data: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    """One change, in place."""
    at = rng.randrange(len(data) + 1)
    end = min(at + rng.choice((1, 1, 2, 4, 8, 40)), len(data))
    match rng.randrange(8):
        case 0 if at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        case 1 if at < len(data):
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))
        case 2:
            del data[at:end]
        case 3:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 40)))
        case 4:
            data[at:at] = data[at:end]
        case 5:
            del data[at:]
        case 6:
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other) + 1) :]
        case 7:
            data[at:end] = bytes((rng.choice((0, 0xFF)),)) * (end - at)


class _Ear:
    """What hears packets in a call, from bytes to the jitter buffer, on a clock of its own."""

    def __init__(self) -> None:
        self._now = 0.0
        self._buffer = JitterBuffer(self._clock)
        self._cadence = Cadence(self._buffer)
        self._arrivals = ArrivalMeter(self._clock)
        self._unwrap = SequenceUnwrapper()

    def _clock(self) -> float:
        return self._now

    def hear(self, data: bytes) -> None:
        """Take a packet, then play for 20 ms."""
        self._now += 0.02
        came = packet.decode(data, BITS)
        number = self._unwrap.unwrap(came.sequence)
        if isinstance(came, SilencePacket):
            self._arrivals.silence(came, number)
            self._buffer.hush(number, came.since)
        else:
            self._arrivals.voice(came, number)
            self._cadence.see(came)
            if came.onset:
                self._buffer.begins(number)
            for each, codes, is_new in packet.numbered(came, number):
                self._buffer.push(each, codes, is_new, came.model_id)
        self._arrivals.due()
        self._buffer.pull()
        self._buffer.stats()


def _packets(rng: random.Random) -> list[bytes]:
    made = []
    for model_id, width in BITS.items():
        for new in range(1, packet.MAX_NEW_CHUNKS + 1):
            for distances in ((), (1,), (1, 2, 3)):
                chunks = [
                    tuple(rng.randrange(1 << width) for _ in range(packet.CODES_PER_CHUNK))
                    for _ in range(new * (1 + len(distances)))
                ]
                voice = VoicePacket(
                    model_id,
                    rng.randrange(packet.SEQUENCE_MODULO),
                    new=tuple(chunks[-new:]),
                    distances=distances,
                    redundant=tuple(chunks[:-new]),
                    onset=rng.random() < 0.2,
                )
                made.append(packet.encode(voice, width))
        quiet = SilencePacket(model_id, rng.randrange(1000), 5, NoiseHint(60))
        made.append(packet.encode(quiet, width))
    return made


def _messages() -> list[bytes]:
    hello = control.Hello("Анна", "1.0", 1, "undertone-1", 16000, offers=(ModelOffer(1, 7),) * 3)
    latency = EndLatency(1.0, 2.0, 3.0, None, 5.0)
    made = [
        hello,
        control.Ping(7, 1 << 31),
        control.Pong(7, 1 << 31, latency),
        control.Mute(True),
        control.Bye(),
        control.Report(0.1, 2.0, 0.3),
        control.Chat(1, "Grüße,\nund bis bald"),
        control.ChatReceived(1),
    ]
    return [encode_control(each) for each in made]


_CANDIDATES = (
    Candidate(CandidateKind.HOST, "192.168.1.20", 50000),
    Candidate(CandidateKind.HOST, "fd00::2", 50001),
    Candidate(CandidateKind.REFLEXIVE, "203.0.113.7", 61000),
    Candidate(CandidateKind.RELAYED, "198.51.100.3", 62000),
)


def _descriptions() -> list[Description]:
    return [
        Description("abcd", "x" * 22, bytes(range(32)), Setup.ACTPASS, _CANDIDATES[:count])
        for count in range(1, 5)
    ]


def _link_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.removeprefix(PREFIX) + "==")


def _links() -> list[bytes]:
    letters = [Letter(b"call", each, "Bob", 4_000_000_000) for each in _descriptions()]
    return [_link_bytes(write_link(Link(kind, each))) for kind in LinkKind for each in letters]


def _mend_link(data: bytes) -> bytes:
    body = bytearray(data[:-CHECKSUM_BYTES])
    if len(body) > 1:
        body[1] = min(len(data), 0xFF)
    return bytes(body) + _checksum(bytes(body))


def _read_link(data: bytes) -> None:
    rendezvous = ManualRendezvous(lambda: 2_000_000_000.0)
    read = rendezvous.read_answer if data[:1] > b"\x20" else rendezvous.read_invite
    read(PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("="))


def _read_pasted(data: bytes) -> None:
    ManualRendezvous(lambda: 2_000_000_000.0).read_invite(data.decode("utf-8", "replace"))


def _files(rng: random.Random) -> list[bytes]:
    made = []
    for width, codes in ((1, 8), (11, 4), (12, 40), (16, 520)):
        file = io.BytesIO()
        writer = FcsWriter(file, FcsHeader(1, width, 16_000))
        writer.write(np.array([rng.randrange(1 << width) for _ in range(codes)]))
        writer.finish(codes * 320)
        made.append(file.getvalue())
    return made


def _mend_file(data: bytes) -> bytes:
    """Right checksums of the header, and of what follows up to four bytes before the end."""
    header, rest = data[:32], data[36:]
    width = min(max(data[6] if len(data) > 6 else 1, 1), 16)
    out = [header, zlib.crc32(header).to_bytes(4, "big")]
    while len(rest) >= 2:
        count = int.from_bytes(rest[:2], "big")
        size = 2 + (bits.packed_bytes(width, count) if count else 8)
        block, rest = rest[:size], rest[size + 4 :]
        out += [block, zlib.crc32(block).to_bytes(4, "big")]
    return b"".join(out)


def _read_file(data: bytes) -> None:
    for codes in FcsReader(io.BytesIO(data), "fuzzed.fcs"):
        assert codes.min() >= 0


def _unpack(data: bytes) -> None:
    if data:
        width, count = data[0] % 20, len(data)
        bits.unpack(data[1:], width, (len(data) - 1) * 8 // max(width, 1) + count % 3 - 1)


def targets(seed: int) -> dict[str, Target]:
    """All decoders, by name."""
    rng = random.Random(seed)
    packets, texts = _packets(rng), [to_sdp(each).encode() for each in _descriptions()]
    return {
        "packet": Target(lambda data: packet.decode(data, BITS), PacketError, packets),
        "listening": Target(_Ear().hear, PacketError, packets),
        "control": Target(decode_control, ControlError, _messages()),
        "link": Target(_read_link, LinkError, _links(), _mend_link),
        "pasted": Target(
            _read_pasted,
            LinkError,
            [f"> {PREFIX}{base64.urlsafe_b64encode(each).decode()}".encode() for each in _links()],
        ),
        "sdp": Target(
            lambda data: from_sdp(data.decode("utf-8", "replace")), DescriptionInvalid, texts
        ),
        "fcs": Target(_read_file, ContainerError, _files(rng), _mend_file),
        "bits": Target(_unpack, BadCodes, packets),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="inputs for each decoder")
    parser.add_argument("--only", nargs="+", choices=targets(0), metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = 0
    for name, target in targets(options.seed).items():
        if options.only and name not in options.only:
            continue
        began = time.monotonic()
        became, finds = fuzz(target, options.count, random.Random(options.seed))
        found += len(finds)
        shares = ", ".join(f"{kind} {count:,}" for kind, count in became.most_common())
        took = time.monotonic() - began
        print(f"{name}: {options.count:,} inputs in {took:.0f} s: {shares}", flush=True)
        for find in finds:
            print(f"  {find.data.hex()}\n{find.traceback}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
