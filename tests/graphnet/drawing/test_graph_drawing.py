from collections.abc import Callable

import pytest
import small_networks
from drawings import check_drawing

import graphnet as gn
from graphnet.compiler.ops import Relu
from graphnet.drawing.boxes import FLOW, GRADIENT, KEPT
from graphnet.drawing.folding import folded_weights, zero_states
from graphnet.drawing.graph_drawing import draw_graph, fill_lines, op_lines
from graphnet.models import lenet, resnet, row_rnn

MODELS = (*small_networks.MODELS, lenet.model)


@pytest.mark.parametrize("mode", [None, "predict", "train"])
@pytest.mark.parametrize("make", MODELS)
def test_boxes_never_overlap(make: Callable[[], gn.Model], mode: str | None) -> None:
    net = gn.compile(make(), **small_networks.TRAINED)
    graph = net.graph if mode is None else net.stages(mode)[-1].after
    drawing = draw_graph(graph)
    check_drawing(drawing)
    read = [item for item in graph.inputs if graph.uses.get(item.value)]
    folded = sum(len(group) - 1 for group in folded_weights(graph))
    assert len(drawing.boxes) == len(graph.nodes) + len(read) - folded - len(zero_states(graph))


def test_every_value_that_is_read_has_an_arrow_from_its_maker() -> None:
    graph = small_networks.image_network().stages("train")[-1].after
    values = {v for node in graph.nodes for v in node.inputs}
    makers = {v: i for i, item in enumerate([*graph.inputs, *graph.nodes])
              for v in (getattr(item, "outputs", None) or (item.value,)) if v in values}
    edges = {(makers[v], node.outputs) for node in graph.nodes for v in node.inputs if v in makers}
    assert len(draw_graph(graph).arrows) == len(edges)


def test_arrows_end_where_they_are_to() -> None:
    net = gn.compile(small_networks.residual_model(), **small_networks.TRAINED)
    drawing = draw_graph(net.stages("train")[-1].after)
    for arrow in drawing.arrows:
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
    assert "bias_add{axis=-1}" in box.text.tip
    assert "hidden (Dense) at small_networks.py:" in box.text.tip


def test_a_fused_box_names_all_its_layers() -> None:
    x = gn.Input((4,), name="x")
    h = gn.layers.ReLU(name="relu")(gn.layers.Dense(3, name="dense")(x))
    drawing = draw_graph(gn.compile(gn.Model(x, h)).stages()[-1].after)
    assert drawing.boxes[-1].lines[-1] == "dense+relu  Nx3"


def test_op_lines() -> None:
    assert op_lines(Relu()) == ("relu",)


RESNET = gn.compile(resnet.model())


def test_weights_that_are_folded_are_one_box_for_each_layer() -> None:
    graph = RESNET.stages("predict")[-1].after
    drawing = draw_graph(graph)
    convolutions = [node for node in RESNET.graph.nodes if node.op.name == "conv2d"]
    pale = [box for box in drawing.boxes if box.text.pale]
    assert [box.lines[0] for box in pale] == [f"weights of {node.origin.layer}" for node in convolutions]
    assert pale[0].lines[1:] == ("folded from 5 ops", "16, 16x1x3x3")
    assert all(word in pale[0].text.tip for word in ("stem_conv/weight", "stem_norm/moving_variance",
                                                     "inverse_root{epsilon=1e-05}", "scale_axis{axis=0}"))
    starts = [[arrow.points[0] for arrow in drawing.arrows].count((box.x, box.y + box.height / 2)) for box in pale]
    assert starts == [2] + [1] * (len(pale) - 1)  # the pooling of the stem stands between its convolution and its bias


def test_what_only_one_op_makes_of_a_weight_is_that_op() -> None:
    x = gn.Input((2, 9), name="x")
    drawing = draw_graph(gn.Model(x, gn.layers.Conv1D(3, 3, name="conv")(x)).graph)
    assert ("reshape", "conv  3x2x1x3") in [box.lines for box in drawing.boxes]


@pytest.mark.parametrize("mode", [None, "predict", "train"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
def test_zeros_that_recurrence_begins_with_are_hidden(cell: str, mode: str | None) -> None:
    net = gn.compile(row_rnn.model(cell=cell), **small_networks.TRAINED)  # type: ignore[arg-type]
    graph = net.graph if mode is None else net.stages(mode)[-1].after
    drawing = draw_graph(graph)
    check_drawing(drawing)
    zeros = [box for box in drawing.boxes if box.lines[0] == "full" and box.layer == "reader"]
    assert zeros == []
    assert any(node.op.name == "full" and node.origin.layer == "reader" for node in graph.nodes)


def test_other_constants_are_shown() -> None:
    drawing = draw_graph(small_networks.image_network().stages("train")[-1].after)
    assert ("full", "loss  scalar") in [box.lines for box in drawing.boxes]


def test_a_box_shows_the_results_that_matter_first() -> None:
    net = gn.compile(row_rnn.model(), **small_networks.TRAINED)
    lines = {box.lines[0]: box.lines[-1] for box in draw_graph(net.stages("train")[-1].after).boxes}
    assert lines["lstm"] == "reader  Nx64"  # not what it keeps for the backward pass
    assert lines["softmax_cross_entropy"] == "loss  N"
    assert lines["recurrent_grad_weights"] == "reader  28x256 and 2 more"
    assert lines["adam_update"] == "optimizer  5 new weights"


def test_gradients_reach_the_update_in_one_strand() -> None:
    net = gn.compile(resnet.model(), **small_networks.TRAINED)
    drawing = draw_graph(net.stages("train")[-1].after)
    gradients = [arrow for arrow in drawing.arrows if arrow.kind == GRADIENT]
    assert len(gradients) == len({arrow.points[0] for arrow in gradients}) > 20
    assert len({arrow.points[-2] for arrow in gradients if len(arrow.points) > 2}) == 1


def test_lines_are_filled() -> None:
    assert fill_lines(["aaa", "bbb", "cc"], "+", 7) == ["aaa+bbb+", "cc"]
    assert fill_lines(["aaaaaaaaaa", "b"], ", ", 5) == ["aaaaaaaaaa,", "b"]
    assert fill_lines([], "+", 5) == []


def test_where_nothing_is_left_to_run_the_input_is_the_result() -> None:
    x = gn.Input((4,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dropout(0.5)(x)))
    graph = net.stages("predict")[-1].after
    assert graph.nodes == ()
    drawing = draw_graph(graph)
    check_drawing(drawing)
    assert [box.lines for box in drawing.boxes] == [("x", "Nx4")]
    for view in ("graph", "memory", "time"):
        assert net.plot(mode="predict", view=view)._repr_png_()  # type: ignore[attr-defined]


def test_a_long_way_straight_up_is_one_line() -> None:
    """An update gathers gradients past hundreds of ranks."""
    x = h = gn.Input((3,))
    for _ in range(60):
        h = gn.layers.Dense(3)(h)
    drawing = draw_graph(gn.compile(gn.Model(x, h), loss="mse", optimizer="sgd").stages("train")[-1].after)
    points = [len(arrow.points) for arrow in drawing.arrows]
    assert max(points) <= 12
    assert sum(points) < 3 * len(points)
    for arrow in drawing.arrows:
        if arrow.kind == GRADIENT:
            heights = [y for _, y in arrow.points]
            assert heights == sorted(heights, reverse=True)
