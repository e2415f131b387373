"""Ops of a caller's own: registering, using, fusing, saving and loading them."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, GnetFormatError, GraphError, ShapeError
from graphnet.compiler import expression
from graphnet.compiler import op as op_module
from graphnet.custom import Builder, Call, Example, Gradients, TensorType, Types, ops, register_kernel

F64 = TensorType("float64", (3, 4))


@gn.register_op
@dataclass(frozen=True)
class Power(gn.Op):
    """y = xⁿ for a whole n ≥ 2."""

    exponent: int = 2

    name = "tests.power"
    elementwise = True
    inplace = (0,)

    def __post_init__(self) -> None:
        self.check(self.exponent >= 2, "exponent", "it must be a whole number ≥ 2")

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x):
        return (x**self.exponent,)

    def pullback(self, b: Builder, inputs, outputs, grads) -> Gradients:
        (grad,) = grads
        if grad is None:
            return (None,)
        n, (x,) = self.exponent, inputs
        slope = b.add(ops.Scale(float(n)), x if n == 2 else b.add(Power(n - 1), x))
        return (b.add(ops.Multiply(), grad, slope),)

    @classmethod
    def examples(cls):
        return (Example(cls(), (F64,)), Example(cls(3), (F64,)))


@gn.register_op
@dataclass(frozen=True)
class SumAndDifference(gn.Op):
    """y = a + b, z = a - b; without a gradient."""

    name = "tests.sum_and_difference"
    differentiable = False

    def infer(self, a: TensorType, b: TensorType) -> Types:
        if a != b:
            raise ShapeError(f"sums and differences need one type, got {a} and {b}", "feed equal ones")
        return a, a

    def forward(self, a, b):
        return a + b, a - b

    @classmethod
    def examples(cls):
        return (Example(cls(), (F64, F64)),)


@gn.register_op
@dataclass(frozen=True)
class Total(gn.Op):
    """y = x₀ + x₁ + … in the order of the inputs."""

    name = "tests.total"

    def infer(self, *types: TensorType) -> Types:
        return (types[0],)

    def forward(self, *arrays):
        return (np.sum(arrays, 0),)

    def pullback(self, b: Builder, inputs, outputs, grads) -> Gradients:
        return grads * len(inputs)

    @classmethod
    def examples(cls):
        return (Example(cls(), (F64, F64, F64)),)


def small_model(exponent: int = 2) -> gn.Model:
    x = gn.Input((4,), name="x", dtype="float64")
    return gn.Model(x, gn.layers.Apply(Power(exponent), name="power")(gn.layers.Dense(3, name="dense")(x)))


def test_it_computes_and_differentiates():
    net = gn.compile(small_model(3), loss="mse", dtype="float64")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    h = x @ net.weights["dense/weight"]
    np.testing.assert_allclose(net.predict(x), h**3, rtol=1e-12)
    _, gradients = net.loss_and_gradients(x, y)
    np.testing.assert_allclose(gradients["dense/weight"], x.T @ (2 * (h**3 - y) / y.size * 3 * h**2), rtol=1e-12)


def test_it_trains():
    net = gn.compile(small_model(), loss="mse", optimizer=gn.optimizers.SGD(0.01), dtype="float64")
    x = np.random.default_rng(0).standard_normal((32, 4))
    y = np.full((32, 3), 0.5)
    losses = [net.train_on_batch(x, y)["loss"] for _ in range(30)]
    assert losses[-1] < losses[0] / 2


def test_it_is_fused_like_a_built_in_op():
    net = gn.compile(small_model(), dtype="float64")
    (instruction,) = net.program("predict", batch=2).instructions
    assert [node.op for node in instruction.op.body.nodes] == [ops.MatMul(), ops.BiasAdd(-1), Power()]


@dataclass(frozen=True)
class Square(gn.Op):
    """y = x², under a name that begins like that of a convolution."""

    name = "convnet.square"
    elementwise = True

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x):
        return (x * x,)

    def pullback(self, b: Builder, inputs, outputs, grads) -> Gradients:
        return (b.add(ops.Multiply(), grads[0], b.add(ops.Scale(2.0), inputs[0])),)


@dataclass(frozen=True)
class Flip(gn.Op):
    """y[n, c, i, j] = x[n, c, i, W - 1 - j]; an op on images, whatever its name."""

    name = "mylab.conv"
    images = True

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x):
        return (x[..., ::-1],)

    def pullback(self, b: Builder, inputs, outputs, grads) -> Gradients:
        return (b.add(Flip(), grads[0]),)


@pytest.mark.parametrize(("op", "layout"), [(Square(), "rows"), (Flip(), "batch-last")])
def test_the_op_says_whether_it_works_on_images_not_its_name(op, layout, monkeypatch):
    monkeypatch.setattr(op_module, "_REGISTRY", dict(op_module._REGISTRY))
    gn.register_op(type(op))
    x = gn.Input((3, 4, 5), dtype="float64")
    net = gn.compile(gn.Model(x, gn.layers.ReLU()(gn.layers.Apply(op)(x))), dtype="float64")
    instructions = net.program("predict", batch=2).instructions
    assert {slot.operand.layout for i in instructions for slot in i.outputs} == {layout}
    images = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    np.testing.assert_array_equal(net.predict(images), np.maximum(op.forward(images)[0], 0))


def test_several_inputs_and_results():
    a, b = gn.Input((2,), name="a"), gn.Input((2,), name="b")
    total, difference = gn.layers.Apply(SumAndDifference()).call(a, b)
    three = gn.layers.Apply(Total())([a, b, a])
    net = gn.compile(gn.Model([a, b], {"sum": total, "difference": difference, "three": three}))
    made = net.predict({"a": np.array([[1, 2]], np.float32), "b": np.array([[10, 20]], np.float32)})
    assert {name: value.tolist() for name, value in made.items()} == {
        "sum": [[11, 22]], "difference": [[-9, -18]], "three": [[12, 24]]}


def test_errors_of_the_op_name_the_layer(here):
    a, b = gn.Input((2,)), gn.Input((3,))
    with pytest.raises(ShapeError, match="sums and differences need one type") as caught:
        gn.layers.Apply(SumAndDifference(), name="both")(a, b)
    assert "both (Apply) at test_custom.py" in str(caught.value)
    with pytest.raises(GraphError, match="takes 2 inputs, got 1"):
        gn.layers.Apply(SumAndDifference())(a)


def test_a_file_holds_its_name_and_attributes(tmp_path):
    net = gn.compile(small_model(3), dtype="float64")
    net.save(tmp_path / "power.gnet")
    loaded = gn.load(tmp_path / "power.gnet")
    assert loaded.graph.nodes[-1].op == Power(3)
    x = np.random.default_rng(0).standard_normal((5, 4))
    np.testing.assert_array_equal(loaded.predict(x), net.predict(x))


def test_a_file_that_needs_an_op_that_is_not_registered(tmp_path, monkeypatch):
    gn.compile(small_model(3), dtype="float64").save(tmp_path / "power.gnet")
    monkeypatch.delitem(op_module._REGISTRY, "tests.power")
    with pytest.raises(GnetFormatError, match=re.escape(
            "this file needs the custom op 'tests.power': register it before loading")):
        gn.load(tmp_path / "power.gnet")


def test_attributes_in_a_file_are_checked_by_the_op(tmp_path, monkeypatch):
    gn.compile(small_model(3), dtype="float64").save(tmp_path / "power.gnet")

    def refuse(self):
        self.check(False, "exponent", "it must be even")
    monkeypatch.setattr(Power, "__post_init__", refuse)
    with pytest.raises(GnetFormatError, match=r"tests\.power refuses its attributes: .* exponent is 3, but it must be"):
        gn.load(tmp_path / "power.gnet")


def test_a_kernel_of_its_own(monkeypatch):
    from graphnet.runtime.kernels import registry

    monkeypatch.setattr(registry, "_KERNELS", dict(registry._KERNELS))

    @register_kernel(Power)
    def power(call: Call):
        (x,), (y,), exponent = call.inputs, call.outputs, call.op.exponent
        return lambda: np.copyto(y, 1000 + x**exponent)
    net = gn.compile(small_model(), dtype="float64")
    assert net.predict(np.zeros((2, 4))).tolist() == [[1000] * 3] * 2


def test_an_expression_runs_in_place_of_forward(monkeypatch):
    monkeypatch.setattr(op_module, "_REGISTRY", dict(op_module._REGISTRY))
    calls = []

    @gn.register_op
    @dataclass(frozen=True)
    class Bell(gn.Op):
        """y = exp(-x²)."""

        name = "tests.bell"
        elementwise = True
        differentiable = False

        def infer(self, x):
            return (x,)

        def forward(self, x):
            calls.append(x.shape)
            return (np.exp(-(x * x)),)

        def expression(self, x):
            return expression.exp(-(x * x))

    x = gn.Input((3, 4))
    data = np.random.default_rng(0).standard_normal((5, 3, 4))
    net = gn.compile(gn.Model(x, gn.layers.Apply(Bell())(gn.layers.Tanh()(x))), dtype="float64")
    np.testing.assert_array_equal(net.predict(data), np.exp(-(np.tanh(data) ** 2)))
    assert calls == []


def test_defining_it_again_takes_its_place(monkeypatch):
    """As when a cell of a notebook runs twice."""
    def define():
        @gn.register_op
        @dataclass(frozen=True)
        class Again(gn.Op):
            name = "tests.again"

            def infer(self, x):
                return (x,)

            def forward(self, x):
                return (x.copy(),)

            def pullback(self, b, inputs, outputs, grads):
                return grads
        return Again
    monkeypatch.setattr(op_module, "_REGISTRY", dict(op_module._REGISTRY))
    old, new = define(), define()
    assert op_module.op_class("tests.again") is new
    with pytest.raises(ArgumentError, match=r"op is .*Again is not registered: put @gn\.register_op above its class"):
        gn.layers.Apply(old())


def made(name="tests.bad", data=True, **parts):
    """An op class, without the parts that are None."""
    body = {"name": name, "infer": lambda self, x: (x,), "forward": lambda self, x: (x,),
            "pullback": lambda self, b, i, o, g: g} | parts
    cls = type("Bad", (gn.Op,), {key: value for key, value in body.items() if value is not None})
    return dataclass(frozen=True)(cls) if data else cls


@pytest.mark.parametrize(("cls", "text"), [
    (int, "register_op: cls is <class 'int'>, but it must be a class that derives from gn.Op"),
    (made(data=False), "register_op: cls is 'Bad', but it must be a frozen dataclass: put @dataclass(frozen=True) "),
    (made("relu"), "Bad: name is 'relu', but a custom op's name must have the form 'owner.op', in letters, digits and "
                   "'_'; names without a dot belong to the built-in ops"),
    (made("swish"), "Bad: name is 'swish', but a custom op's name must have the form 'owner.op'"),
    (made("tests."), "Bad: name is 'tests.', but a custom op's name must have the form 'owner.op'"),
    (made("tests.a b"), "Bad: name is 'tests.a b', but a custom op's name must have the form"),
    (made(None), "Bad: name is None, but a custom op's name must have the form"),
    (made(infer=None), "Bad: infer is None, but every op must define it"),
    (made(forward=None), "Bad: forward is None, but every op must define it"),
    (made(roles=["kernel"]), "Bad: roles is ['kernel'], but it must be a dict of roles by the inputs' numbers"),
    (made(roles={"w": "kernel"}), "Bad: roles is {'w': 'kernel'}, but its keys must be the inputs' numbers, from 0"),
    (made(pullback=None), "Bad: pullback is None, but an op must define it, or say differentiable = False"),
])
def test_what_cannot_be_registered(cls, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        gn.register_op(cls)


def test_a_name_is_taken_once():
    with pytest.raises(GraphError, match=r"two ops are named 'tests\.power': .*Power and .*Bad; give one"):
        gn.register_op(made("tests.power"))


def test_an_op_that_is_not_registered_is_neither_applied_nor_saved(tmp_path):
    @dataclass(frozen=True)
    class Impostor(gn.Op):
        name = "relu"

        def infer(self, x):
            return (x,)

        def forward(self, x):
            return (x + 1,)

    class Sneaky(gn.layers.Layer):
        def emit(self, b, x):
            return b.add(Impostor(), x)

        def config(self):
            return {}
    with pytest.raises(ArgumentError, match=r"Apply: op is .*Impostor is not registered: put @gn\.register_op above"):
        gn.layers.Apply(Impostor())
    with pytest.raises(ArgumentError, match=re.escape("Apply: op is 'relu', but it must be an instance of a class")):
        gn.layers.Apply("relu")
    x = gn.Input((3,))
    net = gn.compile(gn.Model(x, Sneaky()(x)))
    with pytest.raises(GnetFormatError, match=r"op relu is not registered, so no file with it could be loaded: put "
                                              r"@gn\.register_op above the class Impostor"):
        net.save(tmp_path / "relu.gnet")


def test_kernels_of_built_in_ops_stay():
    with pytest.raises(ArgumentError, match=r"register_kernel: op is .*Relu.*, but it must be the class of a"):
        register_kernel(ops.Relu)


def test_built_in_ops_have_no_dot_in_their_names():
    from graphnet.compiler.op import is_custom, registered_ops

    for name, cls in registered_ops().items():
        assert is_custom(name) != cls.__module__.startswith("graphnet.")


@gn.register_op
@dataclass(frozen=True)
class Ramp(gn.Op):
    """y = x · (0 … 1 along the last axis): element-wise, but its formula needs the whole array."""

    name = "tests.ramp"
    elementwise = True
    differentiable = False

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x: Any) -> Any:
        return (x * np.linspace(0, 1, x.shape[-1], dtype=x.dtype),)


def test_a_custom_op_gets_its_operands_whole() -> None:
    x = gn.Input((50,))
    net = gn.compile(gn.Model(x, gn.layers.Apply(Ramp())(x)))
    given = np.random.default_rng(0).random((4000, 50), dtype=np.float32)
    np.testing.assert_array_equal(net.predict(given, batch_size=4000), Ramp().forward(given)[0])


def test_an_attribute_may_not_be_called_as_what_every_op_has() -> None:
    @dataclass(frozen=True)
    class Clash(gn.Op):
        images: int = 3
        name = "tests.clash"

        def infer(self, x: TensorType) -> Types:
            return (x,)

        def forward(self, x: Any) -> Any:
            return (x,)

    with pytest.raises(gn.ArgumentError, match="Clash: images is 'a field', but Op has a member of that name"):
        gn.register_op(Clash)


@gn.register_op
@dataclass(frozen=True)
class Gain(gn.Op):
    """y = x · gains[0], with an attribute that cannot be hashed."""

    gains: list[float] = field(default_factory=lambda: [2.0])

    name = "tests.gain"
    elementwise = True
    differentiable = False

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x: Any) -> Any:
        return (x * x.dtype.type(self.gains[0]),)


def test_attributes_need_not_be_hashable() -> None:
    x = gn.Input((3,))
    net = gn.compile(gn.Model(x, gn.layers.Apply(Gain())(x)), optimize=False)
    np.testing.assert_array_equal(net.predict(np.ones((2, 3), np.float32)), np.full((2, 3), 2, np.float32))


def test_the_example_of_the_module_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `help(gn.custom)` shows is a program: it declares an op and puts it behind an input."""
    lines = gn.custom.__doc__.splitlines()
    first = lines.index("    from dataclasses import dataclass")
    last = max(number for number, line in enumerate(lines) if line.startswith("    y = "))
    code = "\n".join(line.removeprefix("    ") for line in lines[first:last + 1])
    namespace: dict[str, Any] = {"__name__": "example"}
    monkeypatch.setattr(op_module, "_REGISTRY", dict(op_module._REGISTRY), raising=True)
    exec(code, namespace)
    net = gn.compile(gn.Model(namespace["x"], namespace["y"]), loss="mse", optimizer="sgd")
    np.testing.assert_array_equal(net.predict([[1.0, 2.0, -3.0]]), [[1.0, 4.0, 9.0]])
