"""The wire between two network namespaces, in user space: what netem does, on any kernel.

    unshare --net python -m tests.network.emulator

It runs in a namespace of its own that lies between the two and holds the far ends, `left` and
`right`, of their veth pairs, and passes frames from one to the other, late, twice or not at all as
their `Path` says. Only IPv4 is held up: who has which address (ARP) is no part of what is tested.
Standard input: first a line when the devices are there, then a line of JSON for each change,
`{"to": "left" or "right", "path": {...}}`. At its end the emulator ends, and the namespace with it.
"""

from __future__ import annotations

import heapq
import json
import selectors
import socket
import sys
import time

from tests.network.path import Path, Traffic

_ALL_PROTOCOLS = 0x0003
_SOL_PACKET, _VNET_HEADER = 263, 15
_VNET_BYTES, _ETHERNET_BYTES = 10, 14
_IPV4 = b"\x08\x00"
_MOST_BYTES = 65_600


def open_device(name: str) -> socket.socket:
    """A socket that reads and writes the frames of a network device.

    Each frame has its virtio_net header before it: a checksum that the kernel left for the device
    to fill in is so passed on as one still to be filled in.
    """
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    device.setsockopt(_SOL_PACKET, _VNET_HEADER, 1)
    device.bind((name, 0))
    device.setblocking(False)
    return device


class Wire:
    """Two devices, and what is under way between them."""

    def __init__(self) -> None:
        self.devices = {name: open_device(name) for name in ("left", "right")}
        self.traffic = {name: Traffic(seed) for seed, name in enumerate(("left", "right"))}
        self._under_way: list[tuple[float, int, str, bytes]] = []
        self._count = 0

    def take(self, to: str) -> None:
        """Read what waits on the other device."""
        source = self.devices["left" if to == "right" else "right"]
        while True:
            try:
                frame, sender = source.recvfrom(_MOST_BYTES)
            except BlockingIOError:
                return
            if sender[2] != socket.PACKET_OUTGOING:
                self._send(to, frame)

    def deliver(self) -> float | None:
        """Hand over what has arrived; how many seconds until something will."""
        while self._under_way:
            left = self._under_way[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, to, frame = heapq.heappop(self._under_way)
            try:
                self.devices[to].send(frame)
            except OSError as error:  # The device is down: so would be a cable's.
                print(f"not delivered: {error}", file=sys.stderr, flush=True)
        return None

    def _send(self, to: str, frame: bytes) -> None:
        now = time.monotonic()
        packet = frame[_VNET_BYTES + _ETHERNET_BYTES :]
        if frame[_VNET_BYTES + 12 : _VNET_BYTES + _ETHERNET_BYTES] == _IPV4:
            arrivals = self.traffic[to].arrivals(now, int.from_bytes(packet[2:4], "big"))
        else:
            arrivals = [now]
        for at in arrivals:
            self._count += 1
            heapq.heappush(self._under_way, (at, self._count, to, frame))


def main() -> None:
    sys.stdin.buffer.readline()
    wire = Wire()
    print("ready", flush=True)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.buffer.raw, selectors.EVENT_READ, None)
        selector.register(wire.devices["left"], selectors.EVENT_READ, "right")
        selector.register(wire.devices["right"], selectors.EVENT_READ, "left")
        told = b""
        while True:
            for key, _ in selector.select(wire.deliver()):
                if key.data is not None:
                    wire.take(key.data)
                    continue
                said = sys.stdin.buffer.raw.read(4096)
                if not said:
                    return
                *lines, told = (told + said).split(b"\n")
                for line in lines:
                    change = json.loads(line)
                    wire.traffic[change["to"]].path = Path(**change["path"])


if __name__ == "__main__":
    main()
