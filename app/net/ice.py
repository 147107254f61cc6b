"""What the app needs of aioice that aiortc does not pass on.

The only module, with `wire`, `tuning`, `bundling` and `roaming`, that looks inside aiortc and
aioice (written against 1.16 and 0.13). Each look is guarded: with a version built otherwise,
`IceAccess.connection` is None or the call does nothing, and the app goes on with less - no
loopback, no route in words.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aioice.ice import server_reflexive_candidate
from aiortc import RTCPeerConnection
from aiortc.rtcicetransport import connection_kwargs

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


@contextmanager
def _guard(what: str) -> Iterator[None]:
    """Run a look inside a library that may have changed."""
    try:
        yield
    except (AttributeError, TypeError, KeyError) as error:
        log.warning("aiortc changed inside, so %s is left out: %s", what, error)


class IceAccess:
    """The ICE connection under one RTCPeerConnection that has a data channel."""

    def __init__(self, pc: RTCPeerConnection) -> None:
        self.connection: Any = None
        with _guard("access to ICE"):
            self.connection = pc.sctp.transport.transport._connection  # type: ignore[union-attr]

    def offer_loopback(self, always: bool) -> None:
        """Gather on 127.0.0.1 too, which aioice leaves out: always, or when nothing else is."""
        with _guard("the loopback address"):
            stock = self.connection.get_component_candidates

            async def with_loopback(component: int, addresses: list[str], timeout: int = 5) -> Any:
                is_first = not self.connection._protocols
                more = [LOOPBACK] if is_first and (always or not addresses) else []
                return await stock(component, [*addresses, *more], timeout)

            self.connection.get_component_candidates = with_loopback

    def sockets(self) -> list[Any]:
        """aioice's protocol objects, one for each local address and relay."""
        with _guard("the list of sockets"):
            return list(self.connection._protocols)
        return []

    def knock(self) -> None:
        """Send one connectivity check on each pair of addresses.

        While a link travels by hand, aioice's own checks get rarer and end after a minute; these
        keep the hole in this side's address translator open.
        """
        with _guard("keeping the way open"):
            if self.connection.remote_password is None:
                return
            key = self.connection.remote_password.encode()
            for pair in list(self.connection._check_list):
                request = self.connection.build_request(pair, nominate=False)
                request.add_message_integrity(key)
                pair.protocol.send_stun(request, pair.remote_addr)

    async def refresh_reflexive(self, servers: list[Any]) -> None:
        """Ask the STUN server again, so that the address it saw stays ours."""
        server = connection_kwargs(servers).get("stun_server")
        if server is None:
            return
        for protocol in self.sockets():
            with _guard("keeping the public address"):
                local = protocol.local_candidate
                if local.type == "host" and ipaddress.ip_address(local.host).version == 4:
                    try:
                        await server_reflexive_candidate(protocol, server)
                    except Exception as error:
                        log.info("The STUN server did not answer: %s", error)

    def route(self) -> str:
        """How packets go, in words."""
        with _guard("the route"):
            pair = self.connection._nominated[1]
            local, remote = pair.local_candidate, pair.remote_candidate
            address = ipaddress.ip_address(pair.remote_addr[0])
            relayed = "relay" in (local.type, remote.type)
            place = "on this computer" if address.is_loopback else "direct"
            return f"{'relayed' if relayed else place}, IPv{address.version}"
        return "connected"
