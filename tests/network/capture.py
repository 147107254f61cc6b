"""What goes over a network device, counted by Wireshark's tools and not by Undertone's."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.network.namespaces import DEVICE, Namespace

_PATIENCE = 60


@dataclass(frozen=True)
class Packet:
    """An IP packet as it passed: Unix time, its size in bytes, headers of IP and all above
    included, and whether this end sent it."""

    at: float
    size: int
    is_sent: bool


@dataclass
class Capture:
    """All IP packets of a device, once it is over."""

    packets: list[Packet] = field(default_factory=list)

    def octets(self, since: float, until: float) -> tuple[int, int]:
        """Bytes sent and received between two times."""
        within = [packet for packet in self.packets if since < packet.at <= until]
        sent = sum(packet.size for packet in within if packet.is_sent)
        return sent, sum(packet.size for packet in within) - sent


@contextlib.contextmanager
def capturing(namespace: Namespace, file: Path) -> Iterator[Capture]:
    """Capture an end's device into `file`; the packets are there when the context ends."""
    capture = Capture()
    dumpcap = subprocess.Popen(
        [*namespace.command, "dumpcap", "-q", "-i", DEVICE, "-f", "ip", "-w", str(file)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert dumpcap.stderr is not None
    try:
        for words in dumpcap.stderr:
            if words.startswith("File:"):
                break
        else:
            raise AssertionError("dumpcap could not capture")
        yield capture
    finally:
        dumpcap.send_signal(signal.SIGINT)
        try:
            dumpcap.communicate(timeout=_PATIENCE)
        finally:
            dumpcap.kill()
            dumpcap.wait()
    capture.packets.extend(_read(namespace, file))


def _read(namespace: Namespace, file: Path) -> Iterator[Packet]:
    own = json.loads(namespace.run("ip", "-json", "link", "show", DEVICE))[0]["address"]
    fields = ("frame.time_epoch", "eth.src", "ip.len")
    told = subprocess.run(
        # Of an ICMP error, which holds the packet it is about, the outer header.
        ["tshark", "-n", "-r", str(file), "-T", "fields", "-E", "occurrence=f"]
        + [f"-e{name}" for name in fields],
        capture_output=True,
        text=True,
        check=True,
    )
    for row in told.stdout.splitlines():
        at, source, size = row.split("\t")
        yield Packet(float(at), int(size), source == own)
