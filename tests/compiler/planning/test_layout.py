"""Layouts: which graphs keep their values with the batch innermost."""

import pytest

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.op import Op, f64, is_custom, registered_ops
from graphnet.compiler.ops import AvgPool2d, Conv2d, Fused, MaxPool2d, Relu
from graphnet.compiler.passes.fuse_epilogues import FuseEpilogues
from graphnet.compiler.planning.layout import batch_last_values
from graphnet.compiler.types import TensorType


def test_the_ops_that_work_on_images():
    images = {name for name, cls in registered_ops().items() if cls is not Fused and cls.images}
    assert {name for name in images if not is_custom(name)} == {
        "avg_pool2d", "avg_pool2d_grad", "conv2d", "conv2d_grad_input", "conv2d_grad_weight", "max_pool2d",
        "max_pool2d_grad"}


@pytest.mark.parametrize("op", [MaxPool2d((2, 2), (2, 2)), AvgPool2d((2, 2), (2, 2))])
def test_one_such_op_makes_all_batched_values_batch_last(op: Op):
    b = Builder("g")
    x = b.input("x", TensorType("float64", ("N", 3, 4, 4)))
    y = b.add(Relu(), b.add(op, b.add(Relu(), x)))
    assert batch_last_values(b.build([Output("y", y)])) == {0, 1, 2, 3}


def test_states_and_what_has_no_batch_stay_in_rows():
    b = Builder("g")
    x, w = b.input("x", TensorType("float64", ("N", 2, 4, 4))), b.parameter("w", f64(3, 2, 1, 1))
    state = b.state("s", TensorType("float64", ("N", 3, 4, 4)), "recurrent")
    y = b.add(Conv2d(), x, w)
    b.advance(state, y)
    z = b.add(Relu(), y)
    assert batch_last_values(b.build([Output("z", z)])) == {x, z}


def test_a_fused_op_works_on_images_as_its_body_does():
    for image in (True, False):
        b = Builder("g")
        x, w = b.input("x", TensorType("float64", ("N", 2, 4, 4))), b.parameter("w", f64(3, 2, 1, 1))
        y = b.add(Conv2d(), x, w) if image else b.add(Relu(), x)
        graph = FuseEpilogues().run(b.build([Output("y", b.add(Relu(), y))]))
        (node,) = graph.nodes
        assert isinstance(node.op, Fused)
        assert node.op.images is image
        assert bool(batch_last_values(graph)) is image
