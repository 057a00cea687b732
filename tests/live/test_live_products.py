"""The kernel and its readable twin multiply as NumPy does, whatever the sizes, and the kernel is what its text says."""

import numpy as np
import pytest
from build_kernel import built
from javascript import FOLDER

SIZES = [  # rows, inner, columns
    (4, 1, 8), (4, 3, 9), (5, 8, 8), (17, 64, 17), (27, 27, 27), (32, 100, 27), (64, 27, 32), (7, 5, 31), (1, 64, 16),
    (3, 2, 5), (2, 7, 3), (1, 1, 1),
]  # fmt: skip


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("turned", [False, True], ids=["as it stands", "transposed"])
@pytest.mark.parametrize("kind", ["wasm", "plain"])
def test_product_is_that_of_numpy_and_nothing_beyond_its_end_is_written(js, kind, turned):
    for rows, inner, columns in SIZES:
        a, b = random(rows, inner), random(inner, columns)
        found = js.run(
            """const out = new Float32Array(rows * columns + 8).fill(7);
            PRODUCTS[kind].multiply(a, ...(turned ? [1, rows] : [inner, 1]), b, out, rows, inner, columns);
            return out;""",
            a=a.T if turned else a, b=b, kind=kind, turned=turned, rows=rows, inner=inner, columns=columns,
        )  # fmt: skip
        wanted = a.astype(np.float64) @ b  # (rows, columns)
        np.testing.assert_allclose(found[:-8], wanted.ravel(), rtol=0, atol=1e-6 * inner)
        assert (found[-8:] == 7).all()


def test_kernel_reads_nothing_that_a_larger_product_left_behind(js):
    found = js.run(
        """const numbers = (n, value) => new Float32Array(n).fill(value), out = numbers(27 * 27, 0);
        PRODUCTS.wasm.multiply(numbers(90000, NaN), 300, 1, numbers(90000, NaN), numbers(90000, 0), 300, 300, 300);
        PRODUCTS.wasm.multiply(numbers(27 * 27, 1), 27, 1, numbers(27 * 27, 2), out, 27, 27, 27);
        return out;"""
    )
    assert (found == 54).all()


def test_kernel_is_what_its_text_says():
    assert (FOLDER / "kernel.wasm").read_bytes() == built(), "run `make kernel`"


def test_without_webassembly_the_plain_product_does_it(js):
    assert js.run("return (await loadProducts(new Uint8Array([1, 2, 3]))).name;") == "plain"
    assert js.run("return [PRODUCTS.wasm.name, PRODUCTS.plain.name];") == ["wasm", "plain"]
