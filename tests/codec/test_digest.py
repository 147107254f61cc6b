from __future__ import annotations

import pytest
import torch
from torch import Tensor

from codec.digest import ELEMENTS, model_digest

CONFIG = {"name": "x", "dims": [1, 2]}


def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "a": torch.randn(40, 50, generator=generator),
        "b": torch.randn(7, generator=generator),
        "c": torch.randn((), generator=generator),
    }


def test_the_same_model_has_the_same_digest_however_it_is_stored() -> None:
    digest = model_digest(CONFIG, tensors())
    assert 0 < digest < 2**32
    backwards = dict(reversed(tensors().items()))
    assert model_digest({"dims": [1, 2], "name": "x"}, backwards) == digest
    transposed = {**tensors(), "a": tensors()["a"].t().contiguous().t()}
    assert model_digest(CONFIG, transposed) == digest
    half = {name: tensor.half() for name, tensor in tensors().items()}
    widened = {name: tensor.float() for name, tensor in half.items()}
    assert model_digest(CONFIG, half) == model_digest(CONFIG, widened) != digest


@pytest.mark.parametrize(("name", "place"), [("a", 0), ("a", -1), ("b", 3), ("c", 0)])
def test_other_weights_have_another(name: str, place: int) -> None:
    changed = tensors()
    changed[name].view(-1)[place] += 1e-3
    assert model_digest(CONFIG, changed) != model_digest(CONFIG, tensors())


def test_names_shapes_and_configs_count() -> None:
    digest = model_digest(CONFIG, tensors())
    reshaped = {**tensors(), "a": tensors()["a"].view(50, 40)}
    renamed = {("d" if name == "c" else name): t for name, t in tensors().items()}
    others = {
        model_digest(CONFIG, reshaped),
        model_digest(CONFIG, renamed),
        model_digest({**CONFIG, "name": "y"}, tensors()),
    }
    assert len(others | {digest}) == 4


def test_a_change_anywhere_near_a_looked_at_element_is_as_wide_as_the_spacing() -> None:
    """Of a large tensor, no run of changed elements longer than the spacing goes unseen."""
    size = 20 * ELEMENTS
    whole = torch.zeros(size)
    digest = model_digest({}, {"w": whole})
    for start in range(0, size - 21, 977):
        changed = whole.clone()
        changed[start : start + 21] = 1.0
        assert model_digest({}, {"w": changed}) != digest
