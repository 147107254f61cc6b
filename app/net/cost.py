"""What a call costs on the wire, by formula: by profile, and with Opus over RTP beside it.

Here alone are these figures made; `benchmarks/wire_cost.py` compares them with datagrams counted.
"""

from __future__ import annotations

from app.core.packet import packet_bytes
from app.core.profile import Plan
from app.net.bundling import ACK_SECONDS
from app.net.config import Patience
from app.net.wire import (
    DTLS_RECORD_GCM,
    SACK_CHUNK,
    ack_bytes,
    datagram_bytes,
    message_bytes,
    rider_bytes,
)

CHUNK_SECONDS = 0.08
LEAN_BITS = 11

CONSENT_REQUEST, CONSENT_REPLY = 88, 64
"""A STUN binding request and its reply as aioice makes them (RFC 7675)."""
PING_BYTES, PONG_BYTES = 7, 19

OPUS_KBIT = 24.0
"""A usual rate of Opus for speech of 16 kHz (RFC 6716 section 2.1.1 names 16 to 20 as its best)."""
OPUS_SECONDS = 0.02
"""Opus in a packet unless agreed otherwise (RFC 7587 section 6.1, ptime)."""
RTP_HEADER = 12
"""RFC 3550 section 5.1."""
SRTP_TAG = 10
"""HMAC-SHA1 of 80 bits (RFC 3711 section 5.2), which DTLS-SRTP uses by default."""


def voice_kbit(plan: Plan, bits: int, *, both: bool = True, tuned: bool = True) -> float:
    """kbit/s of one direction while it speaks: voice, and acknowledgements of the other's voice.

    `bits` are those of a code at the model's full rate; `both` says whether the other end speaks
    too, packets filled alike; `tuned` is as in NetworkConfig.
    """
    size = packet_bytes(plan.new, len(plan.distances), min(bits, LEAN_BITS) if plan.lean else bits)
    interval = plan.new * CHUNK_SECONDS
    if not tuned:
        each = message_bytes(size, record=DTLS_RECORD_GCM)
        each += ack_bytes(record=DTLS_RECORD_GCM) if both else 0
        return each * 8 / interval / 1000
    packets = ACK_SECONDS // interval  # that leave while an acknowledgement may wait
    each_ack = SACK_CHUNK / packets if both else 0.0
    return (message_bytes(size) + each_ack) * 8 / interval / 1000


def upkeep_kbit() -> float:
    """kbit/s of one direction of what keeps a call up while there is speech: pings, consent.

    Both ends ask, so each direction carries a request and a reply in each interval. Pings and
    their answers travel with voice.
    """
    patience = Patience()
    consent = datagram_bytes(CONSENT_REQUEST) + datagram_bytes(CONSENT_REPLY)
    pings = rider_bytes(PING_BYTES) + rider_bytes(PONG_BYTES)
    return (consent / patience.consent + pings / patience.ping_busy) * 8 / 1000


def call_kbit(plan: Plan, bits: int) -> float:
    """kbit/s of one direction of a call in which both speak."""
    return voice_kbit(plan, bits) + upkeep_kbit()


def added_delay(plan: Plan) -> float:
    """Seconds a plan delays speech beyond what the shortest packets do."""
    return (plan.new - 1) * CHUNK_SECONDS


def opus_kbit() -> float:
    """kbit/s of one direction of a call by Opus over SRTP and UDP: 60 + 12 + 10 + 28 bytes, 50/s.

    Without RTCP, header extensions and consent checks, so what such a call costs at least.
    """
    payload = OPUS_KBIT * 1000 / 8 * OPUS_SECONDS + RTP_HEADER + SRTP_TAG
    return datagram_bytes(round(payload)) * 8 / OPUS_SECONDS / 1000


def opus_bytes(seconds: float) -> int:
    """Bytes on the wire of so long a call by Opus, both directions together."""
    return round(2 * opus_kbit() * 1000 / 8 * seconds)
