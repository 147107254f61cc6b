from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from codec.runtime import products
from codec.runtime.products import (
    ByteProduct,
    PlainByteProduct,
    available,
    has_byte_product,
    product,
    rounded,
)

ERRORS_DB = {"float32": -110.0, "float16": -70.0, "bfloat16": -48.0, "int8": -38.0}
"""What each precision may add to products with weights that were float32."""


def matrix(seed: int = 0, rows: int = 96) -> Tensor:
    return torch.randn(rows, 160, generator=torch.Generator().manual_seed(seed))


def error_db(found: Tensor, expected: Tensor) -> float:
    return float(20 * torch.log10((found - expected).norm() / expected.norm()))


@pytest.mark.parametrize("precision", available())
@pytest.mark.parametrize("bias", [True, False])
def test_each_precision_is_as_exact_as_it_says(precision, bias: bool) -> None:
    weight, offset = matrix(), torch.randn(96) if bias else None
    x = torch.randn(2, 4, 160)
    found = product(weight, offset, precision)(x)
    assert found.dtype == torch.float32
    assert found.shape == (2, 4, 96)
    assert error_db(found, F.linear(x, weight, offset)) < ERRORS_DB[precision]


@pytest.mark.parametrize("precision", [p for p in available() if p in ("float16", "int8")])
def test_weights_that_were_int8_lose_next_to_nothing(precision) -> None:
    levels, scale = rounded(matrix())
    weight = levels * scale[:, None]
    x = torch.randn(4, 160)
    assert error_db(product(weight, None, precision)(x), x @ weight.T) < -75.0


@pytest.mark.parametrize("precision", available())
def test_rows_do_not_touch_one_another(precision) -> None:
    multiply = product(matrix(), torch.randn(96), precision)
    x = torch.randn(4, 160) * torch.tensor([[1.0], [1e-4], [1e4], [0.0]])
    together = multiply(x)
    for i in range(4):
        torch.testing.assert_close(together[i], multiply(x[i : i + 1])[0], rtol=1e-5, atol=1e-5)
    assert together.isfinite().all()


@pytest.mark.skipif(not has_byte_product(), reason="torch has no FBGEMM here")
def test_large_weights_and_inputs_do_not_overflow() -> None:
    """Where bytes are added up in 16 bits: all weights and inputs as large as they get."""
    levels = rounded(torch.ones(8, 512))
    x = torch.ones(3, 512)
    torch.testing.assert_close(ByteProduct(levels, None)(x), torch.full((3, 8), 512.0))
    torch.testing.assert_close(ByteProduct(levels, None)(-x), torch.full((3, 8), -512.0))


def test_without_fbgemm_the_product_of_bytes_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "has_byte_product", lambda: False)
    x = torch.randn(2, 4, 160)
    weight, bias = matrix(), torch.randn(96)
    plain = product(weight, bias, "int8")
    assert isinstance(plain, PlainByteProduct)
    levels, scale = rounded(weight)
    torch.testing.assert_close(
        plain(x), F.linear(x, levels * scale[:, None], bias), rtol=0, atol=1e-3
    )


def test_small_matrices_stay_as_they_are() -> None:
    weight = matrix(rows=8)
    x = torch.randn(4, 160)
    assert torch.equal(product(weight, None, "int8")(x), F.linear(x, weight))


def test_rounding_keeps_a_row_of_zeros() -> None:
    weight = matrix()
    weight[3] = 0.0
    levels, scale = rounded(weight)
    assert not levels[3].any()
    assert levels.abs().amax(1).tolist() == [127] * 3 + [0] + [127] * 92
    assert ((levels * scale[:, None] - weight).abs() <= 0.5001 * scale[:, None]).all()
