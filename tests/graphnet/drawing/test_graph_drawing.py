from collections.abc import Callable
from itertools import combinations

import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.ops import Relu
from graphnet.drawing.graph_drawing import FLOW, GRADIENT, KEPT, Box, Drawing, draw_graph, op_lines
from graphnet.models import lenet

MODELS = (*small_networks.MODELS, lenet.model)


def apart(a: Box, b: Box) -> bool:
    return abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2


def check(drawing: Drawing) -> None:
    for a, b in combinations(drawing.boxes, 2):
        assert apart(a, b), (a, b)
    for box in drawing.boxes:
        assert box.x - box.width / 2 >= -1e-6
        assert box.x + box.width / 2 <= drawing.width + 1e-6
        assert box.y - box.height / 2 >= -1e-6
        assert box.y + box.height / 2 <= drawing.height + 1e-6


@pytest.mark.parametrize("mode", [None, "predict", "train"])
@pytest.mark.parametrize("make", MODELS)
def test_boxes_never_overlap(make: Callable[[], gn.Model], mode: str | None) -> None:
    net = gn.compile(make(), **small_networks.TRAINED)
    graph = net.graph if mode is None else net.stages(mode)[-1].after
    drawing = draw_graph(graph)
    check(drawing)
    read = [item for item in graph.inputs if graph.uses.get(item.value)]
    assert len(drawing.boxes) == len(graph.nodes) + len(read)


def test_every_value_that_is_read_has_an_arrow_from_its_maker() -> None:
    graph = small_networks.image_network().stages("train")[-1].after
    values = {v for node in graph.nodes for v in node.inputs}
    makers = {v: i for i, item in enumerate([*graph.inputs, *graph.nodes])
              for v in (getattr(item, "outputs", None) or (item.value,)) if v in values}
    edges = {(makers[v], node.outputs) for node in graph.nodes for v in node.inputs if v in makers}
    assert len(draw_graph(graph).arrows) == len(edges)


def test_arrows_begin_and_end_at_boxes() -> None:
    net = gn.compile(small_networks.residual_model(), **small_networks.TRAINED)
    drawing = draw_graph(net.stages("train")[-1].after)
    for arrow in drawing.arrows:
        for x, y in (arrow.points[0], arrow.points[-1]):
            assert any(abs(x - b.x) <= b.width / 2 + 1e-6 and abs(y - b.y) <= b.height / 2 + 1e-6
                       for b in drawing.boxes)
        assert arrow.curves[-1][-1] == arrow.points[-1]
    assert {arrow.kind for arrow in drawing.arrows} == {FLOW, GRADIENT, KEPT}


def test_forward_flows_down_on_the_left_and_backward_up_on_the_right() -> None:
    drawing = draw_graph(small_networks.image_network().stages("train")[-1].after)
    by_op = {box.lines[0]: box for box in drawing.boxes}
    assert by_op["image"].y < by_op["conv2d"].y < by_op["softmax_cross_entropy"].y
    assert by_op["conv2d_grad_weight"].y < by_op["softmax_cross_entropy_grad"].y
    assert by_op["conv2d_grad_weight"].x > by_op["conv2d"].x
    assert by_op["adam_update"].y < by_op["conv2d_grad_weight"].y


def test_boxes_say_op_layer_shape_and_line() -> None:
    drawing = draw_graph(small_networks.image_network().stages("predict")[-1].after)
    box = next(box for box in drawing.boxes if box.layer == "hidden")
    assert box.lines == ("matmul + bias_add", "+ relu", "hidden  Nx6")
    assert "bias_add{axis=-1}" in box.tip
    assert "hidden (Dense) at small_networks.py:" in box.tip


def test_a_fused_box_names_all_its_layers() -> None:
    x = gn.Input((4,), name="x")
    h = gn.layers.ReLU(name="relu")(gn.layers.Dense(3, name="dense")(x))
    drawing = draw_graph(gn.compile(gn.Model(x, h)).stages()[-1].after)
    assert drawing.boxes[-1].lines[-1] == "dense+relu  Nx3"


def test_op_lines() -> None:
    assert op_lines(Relu()) == ("relu",)
