"""What makes aiortc's packets few and small: shared packets, and a cipher of 8 bytes less.

aiortc sends a 93-byte SACK for every packet, as much as the voice itself costs; `bundling` lets
them ride along. And it prefers AES-GCM, whose records carry 8 bytes of nonce that those of
ChaCha20-Poly1305 do not (RFC 7905 section 2, RFC 5288 section 3).

Each replaces private parts of one connection; where those are not as expected nothing changes, one
line of the log says so, and the call goes on with more bytes. The other end need not do the same.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

from aiortc import RTCPeerConnection
from OpenSSL import SSL

from app.net.bundling import Bundling

log = logging.getLogger(__name__)

CIPHERS = (
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
)
"""aiortc's own, in the order of what a record costs."""

_NEEDED_COROUTINES = ("_send_chunk", "_send_sack", "_receive_sack_chunk")
_NEEDED = ("_sack_needed", "_sack_duplicates", "_sack_misordered")


def bundle(pc: RTCPeerConnection, on_ack: Callable[[], None]) -> bool:
    """Let chunks share packets and acknowledgements wait for them. False where it cannot be.

    `on_ack` is called at each acknowledgement that comes.
    """
    sctp: Any = pc.sctp
    known = all(hasattr(sctp, name) for name in _NEEDED)
    if not known or not all(
        inspect.iscoroutinefunction(getattr(sctp, name, None)) for name in _NEEDED_COROUTINES
    ):
        log.warning("aiortc changed inside, so acknowledgements do not share packets.")
        return False
    Bundling(sctp, on_ack)
    return True


def prefer_short_records(pc: RTCPeerConnection) -> bool:
    """Put the cipher with the least overhead first; aiortc's own stay as a fall-back.

    Whichever end is tuned has its way: as a client by its order, as a server by insisting on it.
    False where it cannot be.
    """
    try:
        certificate: Any = pc.sctp.transport._RTCDtlsTransport__local_certificate  # type: ignore[union-attr]
        stock = certificate._create_ssl_context
    except AttributeError:
        log.warning("aiortc changed inside, so records keep the cipher it prefers.")
        return False

    def create_context(*args: Any, **named: Any) -> SSL.Context:
        context: SSL.Context = stock(*args, **named)
        context.set_cipher_list(":".join(CIPHERS).encode())
        context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
        return context

    certificate._create_ssl_context = create_context
    return True


def hasten(pc: RTCPeerConnection) -> None:
    """Send again now what waits for the retransmission timer, after a time without a way.

    Voice in flight is given up, as when that timer (T3, RFC 9260 section 6.3.3) runs out.
    """
    try:
        sctp: Any = pc.sctp
        if sctp._t3_handle is not None:
            sctp._t3_cancel()
            sctp._t3_expired()
    except AttributeError:
        log.warning("aiortc changed inside, so what was lost waits for its timer.")


def agreed_cipher(pc: RTCPeerConnection) -> str | None:
    """The name of the cipher both ends came to, None while or where it is not known."""
    try:
        name: str | None = pc.sctp.transport._ssl.get_cipher_name()  # type: ignore[union-attr]
    except AttributeError:
        return None
    return name
