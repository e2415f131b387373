from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import small_networks
from drawings import check_drawing

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.ops import Relu
from graphnet.compiler.types import TensorType
from graphnet.drawing.boxes import Drawing
from graphnet.drawing.layer_drawing import calls_of, draw_layers
from graphnet.models import char_rnn, lenet, mlp, resnet, row_rnn, vgg

L = gn.layers
MODELS = (*small_networks.MODELS, lenet.model, mlp.model, resnet.model, vgg.model, row_rnn.model, char_rnn.model)


def siamese() -> gn.Model:
    """Two inputs through one encoder, one of them three times; two outputs, one of which is read as well."""
    a, b = gn.Input((6,), name="left"), gn.Input((6,), name="right")
    encoder, relu = L.Dense(6, activation="mish", kernel_regularizer="l2", name="encoder"), L.ReLU(name="relu")
    ha, hb = encoder(a), encoder(b)
    ha = encoder(encoder(ha))
    both = L.Subtract(name="difference")(relu(ha), relu(relu(hb)))
    return gn.Model((a, b), {"score": L.Dense(1, name="head")(both), "encoder": ha}, name="siamese")


def lines_of(model: gn.Model) -> dict[str, tuple[str, ...]]:
    return {box.lines[0]: box.lines[1:] for box in draw_layers(model.graph).boxes}


@pytest.mark.parametrize("make", [*MODELS, siamese])
def test_one_box_for_each_input_and_call(make: Callable[[], gn.Model]) -> None:
    model = make()
    drawing = draw_layers(model.graph)
    check_drawing(drawing)
    assert len(drawing.boxes) == len(model.graph.inputs) + len(calls_of(model.graph))
    layers = {node.origin.layer for node in model.graph.nodes}
    assert {box.layer for box in drawing.boxes if not box.text.rounded} == layers
    assert make is siamese or len(drawing.boxes) == len(layers) + len(model.graph.inputs)


def test_what_a_box_says() -> None:
    lines = lines_of(lenet.model())
    assert lines["image"] == ("Input  Nx1x28x28",)
    assert lines["conv1"] == ("Conv2D: kernel 5x5, padding 2, relu", "Nx6x28x28 · 156 parameters")
    assert lines["pool1"] == ("MaxPool2D: kernel 2x2", "Nx6x14x14")
    assert lines["flatten"] == ("Flatten", "Nx400")
    assert lines["logits"] == ("Dense", "Nx10 · 850 parameters")
    assert lines_of(resnet.model())["stage2a_1_conv"] == ("Conv2D: kernel 3x3, strides 2x2,", "padding 0+1",
                                                           "Nx32x7x7 · 4,608 parameters")
    assert lines_of(resnet.model())["stem_norm"][-1] == "Nx16x28x28 · 32 parameters + 32 statistics"
    assert lines_of(char_rnn.model())["reader"][0] == "LSTM: sequences, stateful"


@pytest.mark.parametrize(("layer", "shape", "said"), [
    (L.Conv1D(6, 3, strides=2, padding="same", activation="elu"), (4, 30), "kernel 3, strides 2, padding 0+1, elu"),
    (L.Conv2D(4, (3, 2), (2, 1), dilation=(1, 2), groups=2), (4, 9, 9),
     "kernel 3x2, strides 2x1, dilation 1x2, groups 2"),
    (L.ConvTranspose2D(3, 2), (4, 5, 5), "kernel 2x2"),
    (L.DepthwiseConv2D((3, 1)), (4, 5, 5), "kernel 3x1, groups 4"),
    (L.MaxPool1D(2), (4, 6), "kernel 2"),
    (L.AvgPool2D(3, strides=2, padding=1), (4, 7, 7), "kernel 3x3, strides 2x2, padding 1"),
    (L.Dense(3, L.ELU(0.3)), (4,), "elu, alpha 0.3"),
    (L.Dense(3, kernel_regularizer=gn.regularizers.L2(0.5)), (4,), "l2 0.5"),
    (L.LeakyReLU(0.3), (4,), "slope 0.3"),
    (L.ReLU(), (4,), ""),
    (L.Mish(), (4,), ""),
    (L.Dropout(0.25), (4,), "rate 0.25"),
    (L.LayerNorm(epsilon=0.5), (4,), "epsilon 0.5"),
    (L.Softmax(1), (5, 4), "axis 1"),
    (L.SimpleRNN(3, activation="relu", return_sequences=True), (5, 4), "sequences, activation relu"),
    (L.Bidirectional(L.GRU(3, reset_after=False)), (5, 4), "gru, no reset_after, both ways"),
    (L.UpSample2D(2), (4, 3, 3), "factors 2x2"),
    (L.Permute((2, 1)), (5, 4), "axes 0, 2, 1"),
], ids=lambda value: value.kind if isinstance(value, L.Layer) else None)
def test_arguments_are_read_from_the_ops(layer: L.Layer, shape: tuple[int, ...], said: str) -> None:
    x = gn.Input(shape, name="x")
    box = draw_layers(gn.Model(x, layer(x)).graph).boxes[-1]
    assert " ".join(box.lines[1:]).startswith(f"{layer.kind}: {said} " if said else f"{layer.kind} ")


def test_each_call_of_a_shared_layer_is_a_box() -> None:
    lines = lines_of(siamese())
    assert [name for name in lines if name.startswith("encoder")] == [f"encoder, call {i}" for i in (1, 2, 3, 4)]
    assert [name for name in lines if name.startswith("relu")] == [f"relu, call {i}" for i in (1, 2, 3)]
    assert lines["encoder, call 1"][-1] == "Nx6 · 42 parameters"
    assert lines["encoder, call 2"][-1] == "Nx6 · the same parameters"


def test_outputs_are_named_where_there_are_several() -> None:
    lines = lines_of(siamese())
    assert lines["head"][-1] == "output score"
    assert lines["encoder, call 4"][-1] == "output encoder"
    x = gn.Input((3,), name="x")
    y = L.Dense(2, name="dense")(x)
    assert lines_of(gn.Model(x, {"answer": y}))["dense"][-1] == "output answer"
    assert not any("output" in line for line in lines_of(gn.Model(x, y))["dense"])


def test_frozen_weights_are_told() -> None:
    x = gn.Input((3,), name="x")
    assert lines_of(gn.Model(x, L.Dense(2, trainable=False, name="dense")(x)))["dense"][-1] == \
        "Nx2 · 8 parameters, all frozen"


def test_calls_on_one_line_are_told_apart_by_their_weights() -> None:
    x = gn.Input((4,), name="x")
    dense, other, relu = L.Dense(4, name="dense"), L.Dense(4, name="other"), L.ReLU(name="relu")
    h = relu(relu(dense(dense(dense(other(x))))))
    calls = [(call.nodes[0].origin.layer, call.number, len(call.nodes)) for call in calls_of(gn.Model(x, h).graph)]
    assert calls == [("other", 0, 2), ("dense", 1, 2), ("dense", 2, 2), ("dense", 3, 2), ("relu", 1, 1), ("relu", 2, 1)]


@gn.register_op
@dataclass(frozen=True)
class Turned(gn.Op):
    """y = factor · x."""

    name = "drawn.turned"
    differentiable = False
    factor: float = 2.0
    mode: str = "plain"

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        return (x,)

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        return (x * x.dtype.type(self.factor),)


class TwoProducts(L.Layer):
    """A layer whose ops come twice, with other weights."""

    def emit(self, b: gn.declare.emitter.Emitter, x: int) -> int:
        for name in ("a", "b"):
            weight = self.weight(b, name, TensorType("float32", (3, 3)), gn.initializers.Zeros())
            x = b.add(gn.compiler.ops.MatMul(), x, weight)
        return x


def test_ops_and_layers_of_the_user_s_own() -> None:
    x = gn.Input((3,), name="x")
    lines = lines_of(gn.Model(x, TwoProducts(name="two")(L.Apply(Turned(3.0, "fancy"), name="turned")(x))))
    assert lines["turned"] == ("Apply: drawn.turned, factor 3.0,", "mode fancy", "Nx3")
    assert lines["two"] == ("TwoProducts", "Nx3 · 18 parameters")


def test_a_network_from_a_file_is_drawn_as_the_one_that_was_saved(tmp_path: Path) -> None:
    net = gn.compile(siamese())
    net.save(tmp_path / "m.gnet")

    def shown(drawing: Drawing) -> list[tuple[str, ...]]:
        return [box.lines for box in drawing.boxes]

    assert shown(draw_layers(gn.load(tmp_path / "m.gnet").graph)) == shown(draw_layers(net.graph))


def test_nodes_of_no_layer_stand_for_themselves() -> None:
    b = Builder("bare")
    value = b.add(Relu(), b.add(Relu(), b.input("x", TensorType("float32", ("N", 3)))))
    drawing = draw_layers(b.build([Output("y", value)]))
    check_drawing(drawing)
    assert [box.lines for box in drawing.boxes] == [("x", "Input  Nx3"), ("relu", "Nx3"), ("relu", "Nx3", "output y")]


def test_long_names_and_letters_of_double_width_fit() -> None:
    x = gn.Input((3,), name="x")
    h = L.Dense(2, name="長い名前" * 12)(x)
    check_drawing(draw_layers(gn.Model(x, L.Dense(2, name="a" * 180)(h)).graph))
