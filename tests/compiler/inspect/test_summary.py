import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.inspect.summary import summarize
from graphnet.compiler.ir import BACKWARD, Output

L = gn.layers


def model() -> gn.Model:
    image = gn.Input((1, 6, 6), name="image")
    h = L.Conv2D(2, 3, activation="relu", trainable=False)(image)
    h = L.MaxPool2D(2)(h)
    return gn.Model(image, L.Dense(10, name="logits")(L.Flatten()(h)), name="tiny")


def test_the_table() -> None:
    assert str(model().summary()) == """\
model tiny
layer       kind       output        parameters  FLOPs  activation bytes
──────────  ─────────  ────────────  ──────────  ─────  ────────────────
image       Input      (N, 1, 6, 6)           0      0                 0
conv2d      Conv2D     (N, 2, 4, 4)   20 frozen    640               128
max_pool2d  MaxPool2D  (N, 2, 2, 2)           0     32                32
flatten     Flatten    (N, 8)                 0      0                 0
logits      Dense      (N, 10)               90    170                40
──────────  ─────────  ────────────  ──────────  ─────  ────────────────
total                                       110    842               200
parameters: 90 trainable, 20 frozen
FLOPs and activation bytes are for one sample (N = 1), forward only"""


def test_the_figures_by_hand() -> None:
    summary = model().summary()
    conv = summary.layers[1]
    # 2 · 16 outputs of 9 multiply-adds, and for each a bias and a ReLU.
    assert conv.flops == 32 * (2 * 9) + 32 + 32
    assert (conv.trainable, conv.frozen) == (0, 2 * 9 + 2)
    assert conv.activation_bytes == 32 * 4  # what fits between convolution and ReLU is not kept
    assert summary.parameters == summary.trainable + summary.frozen == 110
    assert summary.flops == sum(layer.flops for layer in summary.layers) == 842
    assert summary.activation_bytes == 200


def test_lenet_has_61706_parameters() -> None:
    x = gn.Input((1, 28, 28))
    h = L.MaxPool2D()(L.Conv2D(6, 5, padding="same", activation="relu")(x))
    h = L.MaxPool2D()(L.Conv2D(16, 5, activation="relu")(h))
    h = L.Dense(84)(L.Dense(120)(L.Flatten()(h)))
    assert gn.Model(x, L.Dense(10)(h)).summary().parameters == 61_706


def test_a_shared_layer_counts_its_parameters_once_and_its_work_twice() -> None:
    a, b, dense = gn.Input((4,)), gn.Input((4,)), L.Dense(3)
    shared = gn.Model([a, b], L.Add()([dense(a), dense(b)])).summary().layers[2]
    assert (shared.name, shared.trainable, shared.flops) == ("dense", 15, 2 * (2 * 12 + 3))
    assert shared.activation_bytes == 2 * 3 * 4
    assert shared.outputs == (("N", 3),)


def test_free_dims_count_as_one_and_are_noted() -> None:
    x = gn.Input((None, 8))
    summary = gn.Model(x, L.ReLU()(x)).summary()
    assert summary.layers[1].flops == 8
    assert summary.layers[1].outputs == (("N", "T", 8),)
    assert str(summary).endswith("for one sample (N = 1, T = 1), forward only")


def test_only_forward_nodes_count() -> None:
    graph = model().graph
    b = Builder(graph.name, graph)
    node = graph.nodes[-1]
    with b.at(node.origin, BACKWARD):
        value = b.add(gn.compiler.ops.Scale(2.0), node.outputs[0])
    assert summarize(b.build([*graph.outputs, Output("gradient", value)])).flops == 842


def test_parameters_are_grouped_in_thousands() -> None:
    x = gn.Input((1000,))
    assert "1,001,000" in str(gn.Model(x, L.Dense(1000)(x)).summary())


def test_what_a_layer_keeps_for_itself_is_no_output_and_moving_statistics_count() -> None:
    """As Keras counts: 2 · 3 trained and 2 · 3 moved numbers in the normalization; nothing in the dropout."""
    x = gn.Input((4,), name="x")
    model = gn.Model(x, L.Dropout(0.5)(L.BatchNorm()(L.Dense(3)(x))))
    assert str(model.summary()) == """\
model model
layer       kind       output  parameters  FLOPs  activation bytes
──────────  ─────────  ──────  ──────────  ─────  ────────────────
x           Input      (N, 4)           0      0                 0
dense       Dense      (N, 3)          15     27                12
batch_norm  BatchNorm  (N, 3)          12     21                12
dropout     Dropout    (N, 3)           0      8                12
──────────  ─────────  ──────  ──────────  ─────  ────────────────
total                                  27     56                36
parameters: 21 trainable, 0 frozen, 6 moving statistics
FLOPs and activation bytes are for one sample (N = 1), forward only"""
    assert (model.summary().parameters, model.summary().statistics) == (27, 6)


def test_states_that_are_asked_for_are_outputs() -> None:
    x = gn.Input((5, 4), name="x")
    y, h = L.SimpleRNN(3, return_sequences=True, return_state=True, stateful=True)(x)
    assert gn.Model(x, [y, h]).summary().layers[1].outputs == (("N", 3), ("N", 5, 3))
    assert gn.Model(x, y).summary().layers[1].outputs == (("N", 5, 3),)
    assert gn.Model(x, y).summary().statistics == 0


def test_frozen_layers_keep_their_statistics() -> None:
    x = gn.Input((4,), name="x")
    summary = gn.Model(x, L.BatchNorm(trainable=False)(x)).summary()
    assert (summary.trainable, summary.frozen, summary.statistics, summary.parameters) == (0, 8, 8, 16)
