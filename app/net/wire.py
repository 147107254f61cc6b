"""Counts what really goes over the wire, IP and UDP headers included.

Every datagram of a connection passes one of aioice's UDP sockets, so they are counted there: voice
and acknowledgements, but also handshakes and STUN checks. Should a later aioice be built otherwise,
a formula for each message stands in, and `WireTotals.exact` says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from app.net.state import WireTotals

log = logging.getLogger(__name__)

UDP_HEADER = 8
IPV4_HEADER = 20
IPV6_HEADER = 40
DTLS_RECORD = 29
"""DTLS 1.2 with ChaCha20-Poly1305: 13 header, 16 tag (RFC 6347, RFC 7905)."""
DTLS_RECORD_GCM = 37
"""The same with AES-GCM, which sends 8 bytes of nonce too (RFC 5288)."""
SCTP_HEADER = 12
DATA_CHUNK = 16
SACK_CHUNK = 16
"""RFC 9260 sections 3.1, 3.3.1 and 3.3.4."""
TURN_CHANNEL = 4
"""RFC 8656 section 12.4."""

OnWire = Callable[[int, int], None]
"""Called with (bytes sent, bytes received) for each datagram; one of them is 0."""


def datagram_bytes(payload: int, ipv6: bool = False) -> int:
    """IP packet size of a UDP datagram of `payload` bytes."""
    return payload + UDP_HEADER + (IPV6_HEADER if ipv6 else IPV4_HEADER)


def message_bytes(payload: int, ipv6: bool = False, record: int = DTLS_RECORD) -> int:
    """IP packet size of a data-channel message of `payload` bytes in a packet of its own."""
    return datagram_bytes(record + SCTP_HEADER + rider_bytes(payload), ipv6)


def rider_bytes(payload: int) -> int:
    """What a data-channel message of `payload` bytes adds to an SCTP packet that leaves anyway."""
    return DATA_CHUNK + -(-payload // 4) * 4


def ack_bytes(ipv6: bool = False, record: int = DTLS_RECORD) -> int:
    """IP packet size of a selective acknowledgement without gaps in a packet of its own."""
    return datagram_bytes(record + SCTP_HEADER + SACK_CHUNK, ipv6)


class WireCounter:
    """Counts the datagrams of one connection. Lives on the network thread."""

    def __init__(self, on_wire: OnWire | None = None) -> None:
        self._on_wire = on_wire
        self._sent = self._received = self._sent_count = self._received_count = 0
        self._attached = False
        self._relayed = False
        self.record = DTLS_RECORD
        """What the agreed cipher adds to a packet; counts only where datagrams cannot be."""

    def attach(self, sockets: list[Any]) -> None:
        """Count at these sockets (aioice's protocol objects) from now on."""
        try:
            for socket in sockets:
                self._attach(socket)
            self._attached = bool(sockets)
        except (AttributeError, TypeError) as error:
            log.warning("aioice changed inside, so wire bytes are computed: %s", error)

    def message_sent(self, payload: int) -> None:
        """A message was handed to the transport; counts only where datagrams cannot be."""
        if not self._attached:
            self._count_sent(message_bytes(payload, record=self.record))
            self._count_received(ack_bytes(record=self.record))

    def message_received(self, payload: int) -> None:
        """A message came; counts only where datagrams cannot be."""
        if not self._attached:
            self._count_received(message_bytes(payload, record=self.record))
            self._count_sent(ack_bytes(record=self.record))

    def totals(self) -> WireTotals:
        """The counts of now."""
        return WireTotals(
            sent_bytes=self._sent,
            received_bytes=self._received,
            sent_datagrams=self._sent_count,
            received_datagrams=self._received_count,
            exact=self._attached and not self._relayed,
        )

    def _attach(self, socket: Any) -> None:
        extra = TURN_CHANNEL if socket.local_candidate.type == "relay" else 0
        ipv6 = ":" in socket.local_candidate.host
        receive = socket.datagram_received

        def sent(size: int) -> None:
            self._relayed = self._relayed or bool(extra)
            self._count_sent(datagram_bytes(size + extra, ipv6))

        def received(data: bytes, address: tuple[Any, ...]) -> None:
            self._relayed = self._relayed or bool(extra)
            self._count_received(datagram_bytes(len(data) + extra, ipv6))
            receive(data, address)

        refuse = socket.error_received
        counting = _CountingTransport(socket.transport, sent)

        def refused(error: Exception) -> None:
            counting.refused = True
            refuse(error)

        socket.transport = counting
        socket.datagram_received = received
        socket.error_received = refused

    def _count_sent(self, size: int) -> None:
        self._sent += size
        self._sent_count += 1
        if self._on_wire is not None:
            self._on_wire(size, 0)

    def _count_received(self, size: int) -> None:
        self._received += size
        self._received_count += 1
        if self._on_wire is not None:
            self._on_wire(0, size)


class _CountingTransport:
    """A datagram transport that reports the size of what it sends.

    `refused` is set when the system would not send, as from an address that is gone: asyncio says
    so to the socket's protocol while `sendto` runs.
    """

    def __init__(self, transport: Any, sent: Callable[[int], None]) -> None:
        self._transport = transport
        self._sent = sent
        self.refused = False

    def sendto(self, data: bytes, addr: Any = None) -> None:
        self.refused = False
        self._transport.sendto(data, addr)
        if not self.refused:
            self._sent(len(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
