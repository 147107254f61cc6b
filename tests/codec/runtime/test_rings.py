from __future__ import annotations

import pytest
import torch

from codec.runtime.rings import ROOM, Memory, Ring


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("past", [0, 3, 60, 2 * ROOM + 11])
@pytest.mark.parametrize("phase", [0, 20, ROOM - 1])
def test_a_ring_holds_the_past_and_what_came(dim: int, past: int, phase: int) -> None:
    torch.manual_seed(0)
    shape = [2, 3, 5]
    shape[dim] = past
    seen = first = torch.randn(shape)
    ring = Ring(first, dim, phase)
    storage, place = ring.storage.shape, ring.storage.data_ptr()
    for i in range(150):
        shape[dim] = (4, 1, 12)[i % 3]
        x = torch.randn(shape)
        seen = torch.cat([seen, x], dim)
        seen = seen.narrow(dim, seen.shape[dim] - past - shape[dim], past + shape[dim])
        assert torch.equal(ring.append(x), seen)
    assert ring.storage.shape == storage
    assert ring.storage.data_ptr() == place


def test_rings_of_a_stream_are_not_moved_together() -> None:
    memory = Memory()
    layers = [object() for _ in range(6)]
    moved: list[set[object]] = []
    starts: dict[object, int] = {}
    for _ in range(100):
        moved.append(set())
        for layer in layers:
            window = memory.append(layer, torch.zeros(4, 8), 0, lambda: torch.zeros(16, 8))
            if window.storage_offset() < starts.get(layer, 0):
                moved[-1].add(layer)
            starts[layer] = window.storage_offset()
    assert max(map(len, moved)) == 1
    assert set.union(*moved) == set(layers)


def test_a_short_past_is_copied() -> None:
    memory, layer = Memory(), object()
    assert memory.recall(layer, lambda: torch.ones(2)).tolist() == [1, 1]
    past = torch.tensor([3.0, 4.0])
    memory.keep(layer, past)
    memory.keep(layer, past + 1)
    past.zero_()
    assert memory.recall(layer, lambda: torch.ones(2)).tolist() == [4, 5]
    assert [t.tolist() for t in memory] == [[4, 5]]
