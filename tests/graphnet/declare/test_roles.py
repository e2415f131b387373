"""Weights are regularised, decayed and constrained by what they are for, never by their names or numbers of dims."""

import inspect
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from layer_cases import layer_cases

import graphnet as gn
from graphnet import ArgumentError
from graphnet.compiler import ops
from graphnet.compiler.roles import roles_by_value

L = gn.layers
ROLES = {"weight": "kernel", "recurrent_weight": "recurrent_kernel", "bias": "bias", "recurrent_bias": "bias",
         "gamma": "scale", "beta": "bias", "slope": "slope"}
Shape = tuple[int, ...]


def roles_of(graph: Any) -> dict[str, str]:
    roles = roles_by_value(graph)
    return {p.name: roles[p.value] for p in graph.parameters}


def model_of(layer: Any, shape: Shape, dtype: str = "float32") -> gn.Model:
    x = gn.Input(shape, name="x", dtype=dtype)
    return gn.Model(x, layer(x))


@pytest.mark.parametrize(("declare", "shape"), [pytest.param(*case, id=name) for name, case in layer_cases().items()])
def test_every_weight_of_every_layer_has_its_role(declare: Any, shape: Shape) -> None:
    graph = model_of(declare, shape).graph
    for name, role in roles_of(graph).items():
        assert role == ROLES[name.partition("/")[2].removeprefix("forward_").removeprefix("backward_")], name


def test_the_table_of_an_embedding_is_one() -> None:
    assert roles_of(model_of(L.Embedding(7, 2), (5,), "int64").graph) == {"embedding/weight": "embedding"}


@pytest.mark.parametrize("layer", [lambda **o: L.BatchNorm(**o), lambda **o: L.LayerNorm((1, 2, 3), **o),
                                   lambda **o: L.GroupNorm(2, **o), lambda **o: L.BatchNorm(trainable=False, **o)])
def test_rules_for_biases_see_the_shift_of_a_normalization_and_rules_for_kernels_its_scale(layer: Any) -> None:
    for kind, weight in (("bias", "beta"), ("kernel", "gamma")):
        named = layer(name="norm", **{f"{kind}_regularizer": "l2", f"{kind}_constraint": "non_negative"})
        graph = model_of(named, (4, 3, 5)).graph
        assert [penalty.name for penalty in graph.penalties] == [f"norm/{weight}"]
        assert [p.name for p in graph.parameters if p.constraint is not None] == [f"norm/{weight}"]


def mixed() -> gn.Model:
    """Weights of every role; scale and shift have 2 dims."""
    words, x = gn.Input((5,), dtype="int64", name="words"), gn.Input((5, 4), name="x")
    h = L.Add()(L.Embedding(7, 4, name="table")(words), x)
    h = L.PReLU(axis=-1, name="prelu")(L.LayerNorm((1, 2), name="norm", gamma_initializer="normal",
                                                   beta_initializer="normal")(h))
    h = L.GRU(3, name="gru", bias_initializer="normal")(h)
    return gn.Model({"words": words, "x": x}, L.Dense(2, name="dense", bias_initializer="normal")(h))


DECAYED = {"table/weight", "gru/weight", "gru/recurrent_weight", "dense/weight"}


def samples() -> tuple[dict[str, Any], Any]:
    rng = np.random.default_rng(0)
    return {"words": rng.integers(0, 7, (3, 5)), "x": rng.normal(0, 1, (3, 5, 4))}, rng.normal(0, 1, (3, 2))


def decays(net: gn.Network) -> set[str]:
    """What a step at a rate of 1 takes away beside the gradient: the names of weights that decay by 0.1."""
    before = {name: array.copy() for name, array in net.weights.items()}
    _, gradients = net.loss_and_gradients(*samples())
    net.train_on_batch(*samples())
    found = set()
    for name, array in net.weights.items():
        taken = before[name] - array - gradients[name]
        if np.abs(taken).max() > 1e-9:
            np.testing.assert_allclose(taken, 0.1 * before[name], 1e-6, 1e-9, err_msg=name)
            found.add(name)
    return found


def test_decay_without_vectors_goes_by_role_also_from_a_file(tmp_path: Any) -> None:
    rule = gn.optimizers.SGDW(1.0, 0.0, weight_decay=0.1, decay_vectors=False)
    net = gn.compile(mixed(), "mse", rule, dtype="float64")
    net.save(tmp_path / "a.gnet")
    assert decays(net) == DECAYED
    assert decays(gn.load(tmp_path / "a.gnet")) == DECAYED


def test_a_model_wide_regularizer_goes_by_role() -> None:
    net = gn.compile(mixed(), "mse", "sgd", regularizer="l2")
    assert {p.name.removesuffix(":regularizer") for p in net.graph.penalties} == DECAYED


IMAGE, STEPS = (4, 6, 6), (5, 4)
INCOMING: dict[str, tuple[Any, Shape, dict[str, Shape]]] = {
    "Dense": (L.Dense, (4,), {"weight": (0,)}), "Conv1D": (L.Conv1D, (4, 9), {"weight": (1, 2)}),
    "Conv2D": (L.Conv2D, IMAGE, {"weight": (1, 2, 3)}),
    "ConvTranspose2D": (L.ConvTranspose2D, IMAGE, {"weight": (0, 2, 3)}),
    "DepthwiseConv2D": (L.DepthwiseConv2D, IMAGE, {"weight": (1, 2, 3)}),
    "Embedding": (L.Embedding, (5,), {"weight": (1,)}), "PReLU": (L.PReLU, (4,), {"slope": (0,)}),
    "LayerNorm": (L.LayerNorm, STEPS, {"gamma": (0, 1)}), "GroupNorm": (L.GroupNorm, IMAGE, {"gamma": (0,)}),
    "BatchNorm": (L.BatchNorm, IMAGE, {"gamma": (0,)}),
} | {cell.__name__: (cell, STEPS, {"weight": (0,), "recurrent_weight": (0,)}) for cell in (L.SimpleRNN, L.LSTM, L.GRU)}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Dense": {"units": 3}, "Conv1D": {"filters": 6, "kernel_size": 2, "groups": 2},
    "Conv2D": {"filters": 6, "kernel_size": 2, "groups": 2}, "ConvTranspose2D": {"filters": 3, "kernel_size": 2},
    "DepthwiseConv2D": {"kernel_size": 2}, "Embedding": {"input_dim": 7, "output_dim": 2},
    "LayerNorm": {"axis": (1, 2)}, "GroupNorm": {"groups": 2}, "SimpleRNN": {"units": 3}, "LSTM": {"units": 3},
    "GRU": {"units": 3},
}


@pytest.mark.parametrize("name", INCOMING)
def test_a_unit_norm_is_that_of_what_comes_in_to_an_output(name: str) -> None:
    kind, shape, axes = INCOMING[name]
    layer = kind(**ARGUMENTS.get(name, {}), kernel_constraint="unit_norm", name="layer")
    whole = name == "Embedding"
    model = model_of(layer, shape, "int64" if whole else "float32")
    net, rng = gn.compile(model, "mse", "sgd", dtype="float64"), np.random.default_rng(0)
    x = rng.integers(0, 7, (3, *shape)) if whole else rng.normal(0, 1, (3, *shape))
    net.train_on_batch(x, np.zeros(net.predict(x).shape))
    for weight, over in axes.items():
        norms = np.sqrt((net.weights[f"layer/{weight}"]**2).sum(over))
        np.testing.assert_allclose(norms, 1, 1e-12, err_msg=weight)


def test_every_layer_with_a_kernel_says_what_comes_in() -> None:
    def takes_options(cls: type) -> bool:
        return isinstance(cls, type) and cls is not L.Layer and "trainable" in inspect.signature(cls).parameters
    layers = {name for name in L.__all__ if takes_options(getattr(L, name))}
    assert layers - {"Bidirectional"} == INCOMING.keys()


def test_a_transposed_convolution_with_groups_must_be_told_the_axes() -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            "ConvTranspose2D: kernel_constraint is MaxNorm(axes=None, limit=2.0), but with groups=2 an output channel "
            "takes in a part of axis 0 of the weight, so it must say its axes: MaxNorm(axes=(2, 3)) for each kernel")):
        L.ConvTranspose2D(4, 3, groups=2, kernel_constraint="max_norm")
    L.ConvTranspose2D(4, 3, groups=2, kernel_constraint=gn.constraints.MaxNorm(axes=(2, 3)))


@gn.register_op
@dataclass(frozen=True)
class Spread(ops.Multiply):
    """x times a weight of the same shape but for the batch, which it calls a scale."""

    name = "roles.spread"
    commutative = False
    elementwise = False
    inplace = ()
    roles = {1: "scale"}  # noqa: RUF012

    def infer(self, x: Any, w: Any) -> Any:
        return (x,)

    def expression(self, *inputs: Any, **_: Any) -> None:
        return None

    def forward(self, x: Any, w: Any) -> Any:
        return (x * w,)

    def pullback(self, b: Any, inputs: Any, outputs: Any, grads: Any) -> Any:
        for_weight = b.add(ops.ReduceSum((0,)), b.add(ops.Multiply(), grads[0], inputs[0]))
        return b.add(Spread(), grads[0], inputs[1]), for_weight


class Own(L.Layer):
    """Weights of a matrix product behind a transposition, of an addition, of a custom op, of no op that says it."""

    def __init__(self, role: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.role = role

    def emit(self, b: Any, x: int) -> int:
        t, normal = b.types[x], gn.initializers.Normal()
        first, shift, scale, last = (
            self.weight(b, name, t.with_shape(shape), normal, role=role)
            for name, shape, role in (("a_bias", (3, 4), None), ("b", (3,), None), ("c", (3,), None),
                                      ("d", (3, 3), self.role)))
        y = b.add(ops.MatMul(), x, b.add(ops.Transpose((1, 0)), first))
        y = b.add(Spread(), b.add(ops.BiasAdd(-1), y, shift), scale)
        return b.add(ops.MatMul(), y, b.add(ops.Tanh(), last))


@pytest.mark.parametrize("role", [None, "scale"])
def test_a_layer_of_a_users_own_gets_roles_from_its_ops_or_says_them(role: str | None, tmp_path: Any) -> None:
    named = Own(role, name="own", kernel_regularizer="l1", bias_regularizer="l2")
    graph = model_of(named, (4,)).graph
    assert roles_of(graph) == {"own/a_bias": "kernel", "own/b": "bias", "own/c": "scale", "own/d": role or "kernel"}
    shares = {node.inputs[0]: (node.op.l1, node.op.l2) for node in graph.nodes if node.op.name == "penalty"}
    names = {p.value: p.name for p in graph.parameters}
    assert {names[v] for v, (l1, _) in shares.items() if l1} == {"own/a_bias", "own/c", "own/d"}
    assert {names[v] for v, (_, l2) in shares.items() if l2} == {"own/b"}
    net = gn.compile(model_of(Own(role, name="own"), (4,)), "mse", "sgd")
    net.save(tmp_path / "a.gnet")
    assert roles_of(gn.load(tmp_path / "a.gnet").graph) == roles_of(net.graph) == roles_of(graph)
    assert gn.load(tmp_path / "a.gnet").graph == net.graph


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Own: role is 'weight', but it must be one of 'kernel', "
                                            "'recurrent_kernel', 'embedding', 'bias', 'scale', 'slope'"):
        model_of(Own("weight"), (4,))


def test_an_op_with_a_role_that_is_none_is_refused() -> None:
    @dataclass(frozen=True)
    class Wrong(Spread):
        name = "roles.wrong"
        roles = {1: "shift"}  # noqa: RUF012
    with pytest.raises(ArgumentError, match=r"Wrong: roles\[1\] is 'shift', but it must be one of kernel, "):
        gn.register_op(Wrong)
