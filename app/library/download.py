"""One file from the server into one file on disk, in as many attempts as it takes.

What has come is kept on disk at every moment, so that a download goes on where it was broken off:
within one run, after a pause, and in a later run. Whether the whole is right, its checksum tells
(`library/checks.py`); nothing here trusts what is on disk already beyond its length.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.library.errors import (
    DiskFilled,
    DownloadBroken,
    HubBusy,
    HubMakesNoSense,
    HubUnreachable,
    StoreUnusable,
)
from app.library.hub import Hub, HubFile
from app.library.progress import Work

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How often to try again after nothing came, and the seconds before: doubled each time.

    A server that says how long to wait is given that long, up to `longest` seconds.
    """

    tries: int = 5
    first_wait: float = 1.0
    longest: float = 300.0


def download(hub: Hub, file: HubFile, target: Path, work: Work, patience: Patience) -> None:
    """Bring `file` to `target`, going on from what is there.

    Raises a HubError, DiskFilled, StoreUnusable or Cancelled; what came is kept then.
    """

    def attempt() -> None:
        _go_on(hub, file, target, work)
        if (have := _length(target)) != file.octets:
            raise DownloadBroken(hub.server, have, file.octets)

    try:
        patiently(attempt, work, patience, came=lambda: _length(target))
    except HubUnreachable as error:
        if have := _length(target):
            raise DownloadBroken(hub.server, have, file.octets) from error
        raise


def patiently(
    attempt: Callable[[], T],
    work: Work,
    patience: Patience,
    came: Callable[[], int] = lambda: 0,
) -> T:
    """Try until it works, waiting in between; the last error when it was often enough in vain.

    An attempt was not in vain when more `came` by it, in bytes.
    """
    in_vain = 0
    while True:
        before = came()
        try:
            return attempt()
        except (HubUnreachable, HubBusy, DownloadBroken) as error:
            in_vain = in_vain + 1 if came() <= before else 1
            log.info("Broken off: %s", error)
            pause = patience.first_wait * 2.0 ** (in_vain - 1)
            if isinstance(error, HubBusy) and error.wait is not None:
                pause = error.wait
            if in_vain > patience.tries or pause > patience.longest:
                raise
        work.wait(pause)


def _go_on(hub: Hub, file: HubFile, target: Path, work: Work) -> None:
    have = _length(target)
    if have > file.octets:
        have = 0  # It cannot be of this file.
    if have == file.octets:
        return
    with hub.open(file, have) as body, writing(target), target.open("ab") as out:
        if body.start > have:
            raise HubMakesNoSense(hub.server, "a part of the file that was not asked for")
        if body.start < have or out.tell() != have:
            out.truncate(body.start)
            work.add(body.start - have)
            have = body.start
        for piece in body.pieces:
            if have + len(piece) > file.octets:
                raise HubMakesNoSense(hub.server, f"{file.path} is longer than it said")
            out.write(piece)
            out.flush()  # A full disk is to be told now, and what came is to count.
            have += len(piece)
            work.add(len(piece))


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the disk in words. Raises DiskFilled or StoreUnusable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFilled(path.parent) from error
        raise StoreUnusable(error.filename or path, error.strerror or str(error)) from error
