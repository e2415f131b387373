"""Native random masks: bit by bit those of NumPy's generator, in every layout, in blocks, by any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from graphnet.compiler.ops import RandomMask
from tests.runtime.native.blockwise import Batch, agree, forms

pytest.importorskip("llvmlite")

COUNTERS = [(0, 0), (12345, 7), (-1, 2**62), (2**63 - 1, -1), (5, 2**63 - 1)]
FORMS = forms(((21, 5, 3), True, 16), ((21, 8), True, 16), ((37, 7), False, 16), ((20, 3, 3), True, None),
              ((40, 3, 1, 1), True, 32), ((9, 5), False, 1), ((1, 13), True, None), ((3, 0, 2), False, None),
              ((33,), False, 16), ((64, 2), True, 64), ((5, 4, 4), False, None))


@FORMS
def test_masks_of_all_forms(shape: tuple[int, ...], last: bool, block: int | None) -> None:
    agree(RandomMask(shape, 0.3), [np.array([12345, 7])], shape[0], last=last, block=block, rtol=0, atol=0)


@pytest.mark.parametrize("rate", [0, 0.1, 1e-9, 0.99999999])
def test_rates_and_counters(rate: float) -> None:
    batch = Batch(RandomMask((6, 50), rate), [np.array([0, 0])], None)
    with np.errstate(over="ignore"):
        for counter in COUNTERS:
            batch.take([np.array(counter)])
            for made, wanted in zip(batch.run(2), batch.wanted, strict=True):
                np.testing.assert_array_equal(made, wanted)


def test_the_next_counter_over_this_one() -> None:
    given = np.array([3, 9])
    batch = Batch(RandomMask((50, 9), 0.5), [given], 50, block=16)
    kernel = batch.kernel
    kernel.memory[2], kernel.y[1] = kernel.memory[0], kernel.x[0]
    for threads in (1, 2, 3):
        mask, following = batch.run(threads)
        np.testing.assert_array_equal(mask, batch.wanted[0])
        np.testing.assert_array_equal(following, [3, 10])
    assert given[1] == 9
