"""What can be asked of a codec's state without knowing the model that made it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from codec.model.codec import State


def state_tensors(state: State | None) -> Iterator[Tensor]:
    """The tensors of a state, in order; none before the start of a stream."""
    if isinstance(state, Tensor):
        yield state
    elif state is not None:
        for part in state:
            yield from state_tensors(part)


def state_bytes(state: State | None) -> int:
    """How much a stream remembers, in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state_tensors(state))
