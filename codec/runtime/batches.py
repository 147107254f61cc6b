"""States of single streams and of batches of them, whichever codec they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor

from codec.model.codec import State
from codec.runtime.rings import Streams


def joined(states: Sequence[State]) -> State:
    """The states of streams of one codec, each begun, as the state of a batch of them.

    Those of a QuickFocalCodec are not copied: they go on inside the batch.
    """
    first = states[0]
    if isinstance(first, Streams):
        return Streams(chain.from_iterable(states))
    if isinstance(first, Tensor):
        return torch.cat(list(states))
    return _like(first, [joined(parts) for parts in zip(*states, strict=True)])


def separate(state: State, streams: int) -> list[State]:
    """The reverse: the state of a batch as the states of its streams."""
    if isinstance(state, Streams):
        return [Streams([memory]) for memory in state]
    if isinstance(state, Tensor):
        return list(state.split(1))
    parts = [separate(part, streams) for part in state]
    return [_like(state, [part[i] for part in parts]) for i in range(streams)]


def _like(state: State, parts: list[State]) -> State:
    """A tuple of the same kind: named ones are made of arguments."""
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
