"""Normalisation kernels on arrays of several blocks; the contract test has the small ones."""

import tracemalloc

import numpy as np
import pytest
from kernel_runs import LAYOUTS, bind, bind_placed, placed

from graphnet.compiler.ops import BatchNorm, BatchNormGrad, DotAxis, Normalize, NormalizeGrad
from graphnet.runtime.kernels.channels import BLOCK_BYTES, blocks, split_at

SHAPES = [((33, 7, 24, 25), 1), ((300, 70), 1), ((40, 60, 35), 2), ((40, 60, 35), 1), ((8, 5, 130, 131), 1),
          ((1, 3, 9, 9), 1), ((5, 1, 3, 3), 1)]


def arrays(shape, axis, count, dtype="float64"):
    """Two arrays away from zero, and vectors for the channels."""
    rng = np.random.default_rng(0)
    made = [rng.normal(3, 2, shape) for _ in range(2)] + [rng.uniform(0.5, 2, shape[axis]) for _ in range(count)]
    return tuple(a.astype(dtype) for a in made)


def assert_close(found, expected, tolerance=1e-12):
    for index, (a, b) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(a, b, tolerance, tolerance * np.abs(b).max(), err_msg=f"output {index}")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
class TestBatchNorm:
    def test_forward(self, shape, axis, layout):
        _, x, *vectors = arrays(shape, axis, 4)
        op = BatchNorm(axis, 0.9, 1e-5, True)
        run, found = bind(op, (x, *vectors), layout)
        run()
        assert_close(found, op.forward(x, *vectors))

    def test_gradient(self, shape, axis, layout):
        inputs = arrays(shape, axis, 3)
        run, found = bind(BatchNormGrad(axis), inputs, layout)
        run()
        assert_close(found, BatchNormGrad(axis).forward(*inputs))

    @pytest.mark.parametrize("position", BatchNormGrad.inplace)
    def test_gradient_over_an_input(self, shape, axis, layout, position):
        inputs = arrays(shape, axis, 3)
        lying = tuple(placed(a, layout) for a in inputs)
        run, found = bind_placed(BatchNormGrad(axis), lying, layout, (lying[position],))
        run()
        assert_close(found, BatchNormGrad(axis).forward(*inputs))

    def test_dot(self, shape, axis, layout):
        g, x = arrays(shape, axis, 0)
        run, found = bind(DotAxis(axis), (g, x), layout)
        run()
        assert_close(found, DotAxis(axis).forward(g, x))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(300, 257), (40, 60, 35)])
class TestNormalize:
    def test_forward(self, shape, layout):
        x = np.random.default_rng(0).normal(3, 2, shape)
        run, found = bind(Normalize(1e-5), (x,), layout)
        run()
        assert_close(found, Normalize(1e-5).forward(x))

    def test_gradient(self, shape, layout):
        rng = np.random.default_rng(0)
        inputs = rng.normal(3, 2, shape), rng.normal(3, 2, shape), rng.uniform(0.5, 2, shape[:-1])
        run, found = bind(NormalizeGrad(), inputs, layout)
        run()
        assert_close(found, NormalizeGrad().forward(*inputs))


def test_far_from_zero_the_variance_is_still_that_of_the_data():
    """Σ x² - n μ² would be nothing but rounding here."""
    x = (np.random.default_rng(0).standard_normal((64, 3, 16, 16)) + 1000).astype("float32")
    vectors = [np.ones(3, "float32")] * 4
    run, (_, _, _, _, inverse) = bind(BatchNorm(1, 0.9, 1e-5, True), (x, *vectors), "batch-last")
    run()
    np.testing.assert_allclose(inverse, 1 / x.astype("float64").std((0, 2, 3)), 1e-4)


def test_blocks_cover_the_channels_and_fit_the_cache():
    cuts = list(blocks((2, 37, 5000), 4))
    assert [i for cut in cuts for i in range(37)[cut]] == list(range(37))
    assert all(2 * (cut.stop - cut.start) * 5000 * 4 <= BLOCK_BYTES for cut in cuts)
    assert len(cuts) > 1


def test_channels_larger_than_the_cache_go_one_by_one():
    assert [cut.stop - cut.start for cut in blocks((1, 3, BLOCK_BYTES), 4)] == [1, 1, 1]


def test_arrays_that_lie_differently_have_no_common_view():
    x = np.zeros((4, 3, 5))
    assert split_at(1, x, placed(x, "batch-last")) is None
    assert split_at(1, x[:, ::2]) is None


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("op", "count"), [(BatchNorm(1, 0.9, 1e-5, True), 4), (BatchNormGrad(1), 3)])
def test_a_run_allocates_nothing_that_grows_with_the_batch(op, count, layout):
    g, x, *vectors = arrays((64, 8, 20, 20), 1, count, "float32")
    run, _ = bind(op, (x, *vectors) if isinstance(op, BatchNorm) else (g, x, *vectors), layout)
    run()
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 8
