"""Two real peers in one process, and a UDP path between them that a test can harm.

The machine is made to look as if it had no address but loopback, so that these tests are the same
everywhere.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.core.control_format import encode_control
from app.core.description import Description
from app.core.meter import EndLatency
from app.net.config import NetworkConfig, Patience
from app.net.peer import PeerConnection
from app.net.state import PeerState

LIMIT = 20.0
"""Seconds after which a test that waits has failed; never what is measured."""


@dataclass
class End:
    """A peer and all that it reported."""

    peer: PeerConnection
    voice: list[bytes] = field(default_factory=list)
    control: list[bytes] = field(default_factory=list)
    states: list[PeerState] = field(default_factory=list)
    pongs: list[tuple[float, EndLatency]] = field(default_factory=list)
    wire: list[tuple[int, int]] = field(default_factory=list)

    async def reaches(self, *kinds: type) -> PeerState:
        """Wait until the peer is in a state of one of `kinds`."""
        await until(lambda: isinstance(self.peer.state, kinds))
        return self.peer.state


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():
            await asyncio.sleep(0.005)


class _Port(asyncio.DatagramProtocol):
    def __init__(self, path: UdpPath, side: int) -> None:
        self.path, self.side = path, side

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.path.forward(self.side, data)


class UdpPath:
    """A path between two ends made of plain UDP sockets: what it carries, the OS carried.

    Each end is given the path's own address in place of the other's. `sent[0]` holds the sizes of
    the datagrams that left end 0, `kinds[0]` their first bytes. `loss` is a share, `hole` swallows
    everything, `only_checks` all that is not STUN (RFC 7983).
    """

    def __init__(self) -> None:
        self.sent: tuple[list[int], list[int]] = ([], [])
        self.kinds: tuple[list[int], list[int]] = ([], [])
        self.loss = 0.0
        self.delay: Callable[[random.Random], float] | None = None
        self.hole = self.only_checks = False
        self._random = random.Random(1)
        self._ports: list[_Port] = []
        self._ends: list[tuple[str, int]] = []

    async def open(self) -> None:
        for side in (0, 1):
            self._ports.append(await self._port(side))

    async def rebind(self, side: int) -> None:
        """As when an address translator forgot: end `side` is seen at another port from now on."""
        port = await self._port(side)
        port, self._ports[side] = self._ports[side], port
        port.transport.close()

    async def _port(self, side: int) -> _Port:
        _, port = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Port(self, side), local_addr=("127.0.0.1", 0)
        )
        return port

    def through(self, description: Description) -> Description:
        """The description of end 0, then of end 1, as the other end shall see it."""
        (candidate,) = description.candidates
        side = len(self._ends)
        self._ends.append((candidate.address, candidate.port))
        _, port = self._ports[side].transport.get_extra_info("sockname")
        return dataclasses.replace(
            description, candidates=(dataclasses.replace(candidate, port=port),)
        )

    def forward(self, side: int, data: bytes) -> None:
        # What comes to the port that stands for end 0 was sent by end 1.
        self.sent[1 - side].append(len(data))
        self.kinds[1 - side].append(data[0])
        if self.hole or self._random.random() < self.loss or len(self._ends) <= side:
            return
        if self.only_checks and data[0] > 3:
            return
        out = self._ports[1 - side].transport
        if self.delay is None:
            out.sendto(data, self._ends[side])
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self.delay(self._random), out.sendto, data, self._ends[side])

    def close(self) -> None:
        for port in self._ports:
            port.transport.close()


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [])


MakeEnd = Callable[..., End]


@pytest.fixture
async def make_end() -> AsyncIterator[MakeEnd]:
    ends: list[End] = []

    def make(
        config: NetworkConfig | None = None,
        patience: Patience | None = None,
        own_latency: EndLatency | None = None,
    ) -> End:
        end: End
        peer = PeerConnection(
            config or NetworkConfig(),
            on_voice=lambda data: end.voice.append(data),
            on_control=lambda message: end.control.append(encode_control(message)),
            on_state=lambda state: end.states.append(state),
            on_wire=lambda up, down: end.wire.append((up, down)),
            on_pong=lambda round_trip, latency: end.pongs.append((round_trip, latency)),
            own_latency=lambda: own_latency or EndLatency(),
            patience=patience or Patience(bye=0.05),
        )
        end = End(peer)
        ends.append(end)
        return end

    yield make
    for end in ends:
        await end.peer.close()


@pytest.fixture
async def path() -> AsyncIterator[UdpPath]:
    path = UdpPath()
    await path.open()
    yield path
    path.close()


Connect = Callable[..., Awaitable[None]]


@pytest.fixture
def connect() -> Connect:
    async def connect(caller: End, callee: End, path: UdpPath | None = None) -> None:
        through = path.through if path is not None else lambda description: description
        offer = through(await caller.peer.create_offer())
        answer = through(await callee.peer.accept_offer(offer))
        await caller.peer.accept_answer(answer)

    return connect


@pytest.fixture
async def pair(make_end: MakeEnd, connect: Connect) -> tuple[End, End]:
    """Two ends that are connected, with no path between them to be harmed."""
    from app.net.state import Connected

    caller, callee = make_end(), make_end()
    await connect(caller, callee)
    await caller.reaches(Connected)
    await callee.reaches(Connected)
    return caller, callee
