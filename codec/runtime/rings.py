"""What a stream remembers, kept in storage of a fixed size that is written in place.

New frames are put behind the past where it lies, and what is looked at is a window that slides
along the storage; only when its end is reached is the past moved back to the start, once in many
chunks and not in the same chunk for all. The plain path instead makes each context anew in every
chunk, which at full size moves 100 megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

ROOM = 128
"""Frames for which there is room behind the past."""

CACHE_LINE = 16
"""Floats in a cache line."""

PHASE = 20
"""Frames of the room between one ring and the next of the same stream."""


class Ring:
    """The last `past` frames along dimension `dim` of `storage`, in place."""

    def __init__(self, first: Tensor, dim: int, phase: int = 0) -> None:
        """`first` is the context before the stream; `phase` frames of the room are skipped, so
        that rings begun together are not moved together."""
        shape = list(first.shape)
        self.past, self.dim = shape[dim], dim
        length = self.past + ROOM
        if dim == first.ndim - 1:
            # An odd number of cache lines from row to row: by a power of two, rows would lie in
            # each other's places of the cache.
            length = (-(-length // CACHE_LINE) | 1) * CACHE_LINE
        shape[dim] = length
        self.storage = first.new_zeros(shape)
        self._end = self.past + phase % ROOM
        self.storage.narrow(dim, self._end - self.past, self.past).copy_(first)

    def append(self, x: Tensor) -> Tensor:
        """Put new frames, up to ROOM, behind the past; a view of both, until the next call."""
        frames = x.shape[self.dim]
        if self._end + frames > self.storage.shape[self.dim]:
            self._to_start()
        self.storage.narrow(self.dim, self._end, frames).copy_(x)
        self._end += frames
        return self.storage.narrow(self.dim, self._end - frames - self.past, self.past + frames)

    def _to_start(self) -> None:
        shift = self._end - self.past
        for start in range(0, self.past, shift):  # pieces that do not overlap their new places
            size = min(shift, self.past - start)
            piece = self.storage.narrow(self.dim, shift + start, size)
            self.storage.narrow(self.dim, start, size).copy_(piece)
        self._end = self.past


class Memory:
    """One stream's state in one part of a codec: a ring for each layer that has a past.

    Changed in place by every chunk: a memory given to a call is used up, and the one that comes
    back, the same object, is the stream's.
    """

    def __init__(self) -> None:
        self.frames = 0
        """Of the stream so far, where a layer counts them."""
        self._rings: dict[object, Ring] = {}
        self._short: dict[object, Tensor] = {}

    def append(self, layer: object, x: Tensor, dim: int, first: Callable[[], Tensor]) -> Tensor:
        """`layer`'s past and `x` behind it; `first` gives the past at the start of a stream."""
        ring = self._rings.get(layer)
        if ring is None:
            ring = self._rings[layer] = Ring(first(), dim, PHASE * len(self._rings))
        return ring.append(x)

    def recall(self, layer: object, first: Callable[[], Tensor]) -> Tensor:
        """A short past that `keep` copies whole; `first` gives it at the start of a stream."""
        known = self._short.get(layer)
        return first() if known is None else known

    def keep(self, layer: object, past: Tensor) -> None:
        """Copy `past` for the next call to recall."""
        known = self._short.get(layer)
        if known is None:
            self._short[layer] = past.clone()
        else:
            known.copy_(past)

    def __iter__(self) -> Iterator[Tensor]:
        yield from self._short.values()
        yield from (ring.storage for ring in self._rings.values())


class Streams(tuple[Memory, ...]):
    """The memories of the streams of a batch, in the order of its rows."""


def begun(state: Streams | None, batch: int) -> Streams:
    """The state of a batch of so many streams: as given, or at the start of all."""
    return state if state is not None else Streams(Memory() for _ in range(batch))
