import re
import sys

import numpy as np
import pytest

import graphnet as gn
from graphnet import GraphError

L = gn.layers


def names(model: gn.Model) -> list[str]:
    """The layers of a model in order."""
    return list(dict.fromkeys(node.origin.layer for node in model.graph.nodes))


def test_the_graph_of_a_small_model(here) -> None:
    x = gn.Input((4,), name="x")
    h = L.Dense(3, activation="relu")(x)
    line = here(1)
    model = gn.Model(x, L.Dense(2, name="logits")(h), name="tiny")
    assert model.graph.text == (
        "graph tiny\n"
        "  input %0 x: f32[N,4]\n"
        "  parameter %1 dense/weight: f32[4,3]\n"
        "  parameter %3 dense/bias: f32[3]\n"
        "  parameter %6 logits/weight: f32[3,2]\n"
        "  parameter %8 logits/bias: f32[2]\n"
        "  %2 = matmul(%0, %1) : f32[N,3]  # dense\n"
        "  %4 = bias_add{axis=-1}(%2, %3) : f32[N,3]  # dense\n"
        "  %5 = relu(%4) : f32[N,3]  # dense\n"
        "  %7 = matmul(%5, %6) : f32[N,2]  # logits\n"
        "  %9 = bias_add{axis=-1}(%7, %8) : f32[N,2]  # logits\n"
        "  output logits = %9\n")
    assert {str(node.origin) for node in model.graph.nodes[:3]} == {f"dense (Dense) at {line}"}
    assert str(model.graph.parameters[0].origin) == f"dense (Dense) at {line}"
    assert list(model.initializers) == ["dense/weight", "dense/bias", "logits/weight", "logits/bias"]
    assert repr(model) == "<Model tiny: x → logits, 4 weights>"


def test_declaring_it_again_gives_the_same_text() -> None:
    def declare() -> gn.Model:
        x, ids = gn.Input((None, 8)), gn.Input((None,))
        return gn.Model([x, ids], [L.ReLU()(x), L.Tanh()(ids)])
    assert declare().graph.text == declare().graph.text
    assert "f32[N,T,8]" in declare().graph.text
    assert "f32[N,T1]" in declare().graph.text


def test_names_count_up_in_the_order_of_first_calls() -> None:
    x = gn.Input((4,))
    last, first = L.Dense(4), L.Dense(4)
    model = gn.Model(x, last(L.ReLU()(L.Dense(4)(L.ReLU()(first(x))))))
    assert names(model) == ["dense", "relu", "dense_1", "relu_1", "dense_2"]


def test_given_names_are_never_given_again() -> None:
    x = gn.Input((4,), name="dense")
    model = gn.Model(x, L.Dense(4)(L.Dense(4, name="dense_1")(L.Dense(4)(x))))
    assert names(model) == ["dense_2", "dense_1", "dense_3"]


def test_layers_of_other_models_do_not_count() -> None:
    x = gn.Input((4,))
    L.Dense(4)(x)
    assert names(gn.Model(x, L.Dense(4)(x))) == ["dense"]


def test_two_layers_of_one_name_are_refused(here) -> None:
    x = gn.Input((4,))
    a = L.Dense(4, name="same")
    one = here(1)
    b = L.ReLU(name="same")
    two = here(1)
    with pytest.raises(GraphError, match=re.escape(
            f"the name 'same' is used twice: same (Dense) at {one} and same (ReLU) at {two}; "
            "give each layer and input a name of its own")):
        gn.Model(x, b(a(x)))


def test_an_input_and_a_layer_of_one_name_are_refused() -> None:
    x = gn.Input((4,), name="same")
    with pytest.raises(GraphError, match=re.escape(
            "the name 'same' is used twice: same (Input) at test_model.py:")):
        gn.Model(x, L.Dense(4, name="same")(x))


@pytest.mark.parametrize("kind", [list, tuple, lambda pair: {"left": pair[0], "right": pair[1]}])
def test_several_inputs_and_outputs(run, kind) -> None:
    a, b = gn.Input((2,)), gn.Input((2,))
    model = gn.Model(kind([a, b]), kind([L.Add()([a, b]), L.Subtract()([a, b])]))
    inputs = ["left", "right"] if kind not in (list, tuple) else ["input", "input_1"]
    outputs = ["left", "right"] if kind not in (list, tuple) else ["add", "subtract"]
    assert [i.name for i in model.graph.inputs] == inputs
    one, two = np.array([[5, 7]], np.float32), np.array([[2, 3]], np.float32)
    values = run(model, dict(zip(inputs, [one, two], strict=True)))
    assert list(values) == outputs
    np.testing.assert_array_equal(values[outputs[0]], [[7, 10]])
    np.testing.assert_array_equal(values[outputs[1]], [[3, 4]])


def test_outputs_of_one_layer_get_names_that_no_layer_has() -> None:
    x, dense = gn.Input((4,)), L.Dense(4)
    once = dense(x)
    model = gn.Model(x, [once, dense(once), L.Dense(4)(once)])
    assert [o.name for o in model.graph.outputs] == ["dense", "dense_2", "dense_1"]


def test_a_residual_model(run) -> None:
    x = gn.Input((2, 4, 4))
    h = L.Conv2D(2, 3, padding="same", kernel_initializer="zeros", bias_initializer="ones")(x)
    image = np.arange(32, dtype=np.float32).reshape(1, 2, 4, 4)
    np.testing.assert_array_equal(run(gn.Model(x, L.Add()([x, h])), {"input": image})["add"], image + 1)


@pytest.mark.parametrize("depth", [2_000])
def test_a_deep_chain(depth: int) -> None:
    x = h = gn.Input((4,))
    for _ in range(depth):
        h = L.ReLU()(h)
    assert depth > sys.getrecursionlimit()
    model = gn.Model(x, h)
    assert len(model.graph.nodes) == depth
    assert names(model)[-1] == f"relu_{depth - 1}"
    assert "ReLU" in repr(h)
    assert len({h, x}) == 2
    assert model.graph.text.endswith(f"output relu_{depth - 1} = %{depth}\n")
    assert len(model.summary().layers) == depth + 1


def test_an_input_that_leads_nowhere(here) -> None:
    x = gn.Input((4,))
    lost = gn.Input((4,), name="lost")
    line = here(1)
    with pytest.raises(GraphError, match=re.escape(
            f"no output depends on lost (Input) at {line}, so it is disconnected; "
            "connect it, or take it out of inputs")):
        gn.Model([x, lost], L.ReLU()(x))


def test_an_input_that_is_not_listed(here) -> None:
    x = gn.Input((4,))
    extra = gn.Input((4,), name="extra")
    made = here(1)
    y = L.Add(name="sum")([x, extra])
    read = here(1)
    with pytest.raises(GraphError) as caught:
        gn.Model(x, y)
    assert re.fullmatch(
        r"Model at test_model\.py:\d+: " + re.escape(
            f"the outputs depend on extra (Input) at {made}, which sum (Add) at {read} reads, "
            "but inputs does not list it; add it to inputs"), str(caught.value))


@pytest.mark.parametrize(("declare", "text"), [
    (lambda x, h: gn.Model(x, []), "outputs is empty; give at least one tensor"),
    (lambda x, h: gn.Model({}, h), "inputs is empty; give at least one tensor"),
    (lambda x, h: gn.Model(x, L.ReLU()), "outputs must be what gn.Input and layers return, got ReLU; "
                                         "call the layer and pass what it returns"),
    (lambda x, h: gn.Model(np.zeros(3), h), "inputs must be what gn.Input and layers return, got ndarray"),
    (lambda x, h: gn.Model(x, [h, None]), "outputs must be what gn.Input and layers return, got NoneType"),
    (lambda x, h: gn.Model(h, L.ReLU()(h)), "inputs must come from gn.Input, but ReLU at test_model.py:"),
    (lambda x, h: gn.Model(x, x), "the output x (Input) at test_model.py:"),
    (lambda x, h: gn.Model([x, x], h), "inputs lists x (Input) at test_model.py:"),
    (lambda x, h: gn.Model({"y": x}, h), "inputs has 'y' for x (Input) at test_model.py:"),
])
def test_arguments_that_make_no_model(declare, text: str) -> None:
    x = gn.Input((4,), name="x")
    with pytest.raises(GraphError, match=r"Model at test_model\.py:\d+: " + re.escape(text)):
        declare(x, L.ReLU()(x))


@pytest.mark.parametrize("declare", [
    lambda x, h: gn.Model(x, h, name="my model"), lambda x, h: gn.Model(x, {"a/b": h}),
    lambda x, h: gn.Model({1: x}, h),
])
def test_names_are_checked(declare) -> None:
    x = gn.Input((4,))
    with pytest.raises(gn.ArgumentError, match="but it must be made of letters, digits"):
        declare(x, L.ReLU()(x))


def test_one_tensor_under_two_names(run) -> None:
    x = gn.Input((2,))
    h = L.ReLU()(x)
    values = run(gn.Model(x, {"a": h, "b": h}), {"input": np.array([[1, -1]], np.float32)})
    np.testing.assert_array_equal(values["a"], values["b"])
