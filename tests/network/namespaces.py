"""Two network namespaces, joined by veth pairs and an emulated wire between them.

A namespace lives as long as a process in it. Those that hold these read a pipe from here and end
when it closes, so that nothing stays behind, not even when this process is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path as File

from tests.network.path import Path

DEVICE = "wire"
"""The veth in each of the two namespaces."""

ADDRESSES = {"left": "10.77.0.1", "right": "10.77.0.2"}
SPARE = {"left": "10.77.0.11", "right": "10.77.0.12"}
_ROOT = File(__file__).parents[2]
_PATIENCE = 20
_FIRST = ("nice", "-n", "-15")


def missing() -> str | None:
    """Why there can be no such namespaces here, in a sentence; None when there can."""
    if not sys.platform.startswith("linux"):
        return "Network namespaces are Linux's."
    for program in ("ip", "unshare", "nsenter", "tshark", "dumpcap"):
        if shutil.which(program) is None:
            return f"The program {program} is not installed."
    if os.geteuid() != 0:
        return "Network namespaces need root."
    tried = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "left", "type", "veth", "peer", "name", "right"],
        capture_output=True,
        text=True,
    )
    return f"No veth pair can be made here: {tried.stderr.strip()}" if tried.returncode else None


@dataclass(frozen=True)
class Namespace:
    """A network namespace. `command` before a program's arguments runs it in there."""

    holder: subprocess.Popen[str]

    @property
    def command(self) -> list[str]:
        # Before whatever else this machine does: a call is measured, and not how busy it is.
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--", *_FIRST]

    def run(self, *arguments: str) -> str:
        """Run a program in there to its end; what it printed."""
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, timeout=_PATIENCE
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout


class Line:
    """Two ends, `left` and `right`, and the wire between them."""

    def __init__(self, left: Namespace, right: Namespace, middle: Namespace) -> None:
        self.ends = {"left": left, "right": right}
        self._middle = middle
        self._addresses = dict(ADDRESSES)

    def set(self, path: Path, to: str | None = None) -> None:
        """Let what goes to this end fare so; what goes to both when `to` is None."""
        for end in self.ends if to is None else (to,):
            _tell(self._middle.holder, json.dumps({"to": end, "path": asdict(path)}))

    def change_address(self, end: str) -> None:
        """Take an end's address away and give it another, as when one walks to another network."""
        before = self._addresses[end]
        after = SPARE[end] if before == ADDRESSES[end] else ADDRESSES[end]
        namespace = self.ends[end]
        namespace.run("ip", "address", "add", f"{after}/24", "dev", DEVICE)
        namespace.run("ip", "address", "del", f"{before}/24", "dev", DEVICE)
        self._addresses[end] = after


@contextlib.contextmanager
def line() -> Iterator[Line]:
    """A line for as long as the context lasts."""
    emulator = [sys.executable, "-m", "tests.network.emulator"]
    with (
        _held(["sh", "-c", "echo ready; exec cat"]) as left,
        _held(["sh", "-c", "echo ready; exec cat"]) as right,
        _held(["sh", "-c", 'echo ready; exec "$@"', "sh", *emulator]) as middle,
    ):
        for namespace in (left, right, middle):
            # What IPv6 says by itself is no part of a call.
            namespace.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 || true")
        for end, namespace in (("left", left), ("right", right)):
            far = str(namespace.holder.pid)
            middle.run(
                *("ip", "link", "add", end, "type", "veth"), "peer", "name", DEVICE, "netns", far
            )
            middle.run("ip", "link", "set", end, "up")
            namespace.run("ip", "address", "add", f"{ADDRESSES[end]}/24", "dev", DEVICE)
            # Else an end that is given a second address drops both when the first one goes.
            namespace.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/promote_secondaries")
            namespace.run("ip", "link", "set", DEVICE, "up")
            namespace.run("ip", "link", "set", "lo", "up")
        _tell(middle.holder, "begin")
        _await_ready(middle.holder)
        yield Line(left, right, middle)


@contextlib.contextmanager
def _held(program: list[str]) -> Iterator[Namespace]:
    holder = subprocess.Popen(
        ["unshare", "--net", *_FIRST, *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        start_new_session=True,  # Ctrl-C is for who holds the line, and ends this one by it.
    )
    try:
        _await_ready(holder)
        yield Namespace(holder)
    finally:
        with contextlib.suppress(OSError):
            holder.communicate(timeout=_PATIENCE)
        holder.kill()
        holder.wait()


def _await_ready(holder: subprocess.Popen[str]) -> None:
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n", "a network namespace could not be made"


def _tell(holder: subprocess.Popen[str], line: str) -> None:
    assert holder.stdin is not None
    holder.stdin.write(line + "\n")
    holder.stdin.flush()
