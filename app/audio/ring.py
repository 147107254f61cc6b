"""A ring of samples between a device's callback and a thread: one writes, one reads, none locks."""

from __future__ import annotations

import contextlib
import threading
import time

import numpy as np


class _Bell:
    """Lets one thread sleep until another rings; ringing never blocks, so a callback may.

    A lock that is held by nobody in particular: the sleeper acquires it, the ringer releases it.
    The sleeper must check its condition again after waking, since a ring may be a stale one.
    """

    def __init__(self) -> None:
        self._token = threading.Lock()
        self._token.acquire()
        self._awaited = False

    def arm(self) -> None:
        """Called by the sleeper before it checks its condition for the last time."""
        self._awaited = True

    def wait(self, timeout: float) -> None:
        self._token.acquire(timeout=max(timeout, 0.0))
        self._awaited = False

    def ring(self) -> None:
        if not self._awaited:
            return
        self._awaited = False
        with contextlib.suppress(RuntimeError):  # rung already, and not yet heard
            self._token.release()


class Ring:
    """Single-producer, single-consumer ring of mono float32 samples.

    The two positions only ever grow, and each has one writer, so neither side needs a lock
    (L. Lamport, "Specifying Concurrent Program Modules", 1983). With `overwrite` the producer
    never waits: the oldest samples make room, and the consumer finds out afterwards by comparing
    positions again, drops the whole backlog but the newest part it asked for, and counts the loss
    in `dropped`. Without it, `write` takes only what fits.
    """

    def __init__(self, capacity: int, *, overwrite: bool = False) -> None:
        if capacity < 1:
            raise ValueError(f"a ring holds at least one sample, not {capacity}")
        self.capacity = capacity
        self.overwrite = overwrite
        self.dropped = 0
        self._samples = np.zeros(capacity, np.float32)
        self._written = 0  # grown by the producer alone
        self._writing = 0  # how far the producer may be overwriting at this moment
        self._read = 0  # grown by the consumer alone
        self._filled = _Bell()
        self._emptied = _Bell()
        self._wake_at = 0

    @property
    def available(self) -> int:
        """Samples that can be read now."""
        return min(self._written - self._read, self.capacity)

    @property
    def free(self) -> int:
        """Samples that can be written now without losing any."""
        return self.capacity - self.available

    def write(self, pcm: np.ndarray) -> int:
        """Add samples of shape (n,); returns how many were taken. Producer only, never blocks."""
        count = len(pcm)
        if self.overwrite:
            pcm = pcm[-self.capacity :]
        else:
            pcm = pcm[: self.free]
            count = len(pcm)
        skipped = count - len(pcm)
        self._writing = self._written + count
        self._copy_in(self._written + skipped, pcm)
        self._written += count
        if self._written - self._read >= self._wake_at:
            self._filled.ring()
        return count

    def read(self, count: int) -> np.ndarray | None:
        """The next `count` samples as an array of its own, or None if fewer are there.

        Consumer only, never blocks.
        """
        self._check(count)
        out = np.empty(count, np.float32)
        while True:
            start = self._read
            if self._written - start > self.capacity:
                start = self._skip_backlog(count)
            if self._written - start < count:
                return None
            self._copy_out(start, out)
            if self._writing - start <= self.capacity:
                self._read = start + count
                self._emptied.ring()
                return out
            # The producer came round and overwrote what was being copied: take newer samples.

    def read_into(self, out: np.ndarray) -> int:
        """Fill the front of `out` with what there is; returns how many samples that was.

        For a callback, which takes what it can get. Consumer only, never blocks. Not for a ring
        that overwrites.
        """
        start = self._read
        count = min(len(out), self._written - start)
        self._copy_out(start, out[:count])
        self._read = start + count
        self._emptied.ring()
        return count

    def wait_available(self, count: int, timeout: float) -> bool:
        """Consumer: sleep until `count` samples are there; False after `timeout` seconds."""
        self._check(count)
        deadline = time.monotonic() + timeout
        while self.available < count:
            self._wake_at = count
            self._filled.arm()
            left = deadline - time.monotonic()
            if self.available >= count:
                break
            if left <= 0:
                return False
            self._filled.wait(left)
        return True

    def wait_at_most(self, count: int, timeout: float) -> bool:
        """Producer: sleep until at most `count` samples are left; False after `timeout` s."""
        deadline = time.monotonic() + timeout
        while self.available > count:
            self._emptied.arm()
            left = deadline - time.monotonic()
            if self.available <= count:
                break
            if left <= 0:
                return False
            self._emptied.wait(left)
        return True

    def clear(self) -> None:
        """Forget what has not been read. Consumer only."""
        self._read = self._written
        self._emptied.ring()

    def _check(self, count: int) -> None:
        if count > self.capacity:
            raise ValueError(f"a ring of {self.capacity} samples never holds {count}")

    def _skip_backlog(self, count: int) -> int:
        start = self._written - count
        self.dropped += start - self._read
        self._read = start
        return start

    def _copy_in(self, position: int, pcm: np.ndarray) -> None:
        at = position % self.capacity
        first = min(len(pcm), self.capacity - at)
        self._samples[at : at + first] = pcm[:first]
        self._samples[: len(pcm) - first] = pcm[first:]

    def _copy_out(self, position: int, out: np.ndarray) -> None:
        at = position % self.capacity
        first = min(len(out), self.capacity - at)
        out[:first] = self._samples[at : at + first]
        out[first:] = self._samples[: len(out) - first]
