"""The Op base class and the closed registry of ops.

One class says everything that the meaning of an op needs: its attributes (the fields of a frozen dataclass),
type inference, the reference forward, the symbolic pullback, its cost and examples. It knows no kernel.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from graphnet.compiler.errors import ArgumentError, GraphError
from graphnet.compiler.expression import Expression, Formula, restates, trace_method
from graphnet.compiler.types import Array, Dim, Dims, TensorType, bind_shape
from graphnet.compiler.words import differs, format_value

Types = tuple[TensorType, ...]
"""The types of an op's inputs or results, in order."""
Gradients = tuple[int | None, ...]
"""For each input the node that is its gradient; None if there is none."""
Ranges = dict[int, tuple[Dim, Dim | None]]
"""Input index → the least and the greatest whole number that it may hold; None for no greatest."""


class NodeMaker(Protocol):
    """What an op needs of whoever builds the graph that its nodes go to: a `Builder`, as a rule.

    Keras / PyTorch: – / –; what a pullback calls in place of functions on tensors.

    Example:
        >>> from dataclasses import dataclass
        >>> @gn.register_op
        ... @dataclass(frozen=True)
        ... class Square(gn.Op):
        ...     name = "docs.square"
        ...     def infer(self, x): return (x,)
        ...     def forward(self, x): return (x * x,)
        ...     def pullback(self, b, inputs, outputs, grads):  # b: Builder
        ...         slope = b.add(gn.custom.ops.Scale(2.0), inputs[0])
        ...         return (b.add(gn.custom.ops.Multiply(), grads[0], slope),)
        >>> x = gn.Input((1,), name="x")
        >>> net = gn.compile(gn.Model(x, gn.layers.Apply(Square())(x)), "mae")
        >>> net.loss_and_gradients([[3]], [[0]], inputs=True)
        (9.0, {'x': array([[6.]], dtype=float32)})
    """

    types: dict[int, TensorType]

    def apply(self, op: Op, *inputs: int) -> tuple[int, ...]:
        """Appends a node and returns the ids of all its outputs."""
        ...

    def add(self, op: Op, *inputs: int) -> int:
        """Appends a node with a single output and returns its id."""
        ...


@dataclass(frozen=True)
class Example:
    """Attributes and input types from which the contract test derives its cases for an op.

    `low` and `high` bound the random inputs: floats are drawn uniformly between them, integers from [0, high).
    `kink` is the least distance that inputs keep from zero and from one another (for ops that are not
    differentiable at 0 or at ties). `values` makes the inputs where they must fit one another.

    Keras / PyTorch: – / `OpInfo`'s `SampleInput`, of PyTorch's own tests.

    Example:
        >>> example = gn.custom.ops.Scale.examples()[0]
        >>> print(example.op, *example.inputs)
        scale{factor=-2.5} f64[3,4]
    """

    op: Op
    inputs: Types
    low: float = -1.0
    high: float = 1.0
    kink: float = 0.0
    values: Callable[[np.random.Generator], tuple[Array, ...]] | None = None


@dataclass(frozen=True)
class Op:
    """An operation. Subclasses are frozen dataclasses; their fields are the attributes.

    Keras / PyTorch: `Operation` / `torch.autograd.Function`. Its gradient is nodes, not numbers, so that it is fused
    and differentiated as the rest is; see `graphnet.custom`.

    Example:
        >>> double = gn.custom.ops.Scale(2.0)
        >>> double.infer(gn.custom.TensorType("float32", ("N", 3)))
        (TensorType(dtype='float32', shape=('N', 3)),)
        >>> double.forward(np.array([1.0, 2.0]))
        (array([2., 4.]),)
    """

    name: ClassVar[str]
    elementwise: ClassVar[bool] = False
    """Every output element depends on the elements at its own place only; the inputs may be broadcast to it
    in ways the op declares. Input 0 and the output have the same shape. So the op may run on any piece by itself."""
    samplewise: ClassVar[bool] = False
    """What comes of a sample depends on that sample only. The first axis of the inputs and the output counts them."""
    statistic: ClassVar[bool] = False
    """The output has no batch, and those of two batches add up to that of both. The first axis of the inputs counts
    samples."""
    separable: ClassVar[bool] = False
    """It takes samples apart, whatever its attributes are; see `separates`."""
    sums_gradients: ClassVar[bool] = False
    """Sums over samples, and may take in what memory has behind them, where gradients, of which it is one, are 0."""
    commutative: ClassVar[bool] = False
    """The two inputs may change places."""
    view: ClassVar[bool] = False
    """The output is input 0 under another shape: no bytes move."""
    rearranging: ClassVar[bool] = False
    """Every element of the outputs is an element of an input: nothing is computed."""
    planned: ClassVar[bool] = False
    """A kernel may plan the scratch memory that running the expression takes; otherwise, if it takes any, `forward` is
    run piece by piece."""
    images: ClassVar[bool] = False  # a property of a fused op, whose body says it
    """Works on images, and faster with the batch innermost: a graph with such an op keeps every batched value so."""
    inplace: ClassVar[tuple[int, ...]] = ()  # may be a property where it depends on the attributes
    """Inputs whose memory output `inplace_output` may take over, if nobody else needs them."""
    inplace_output: ClassVar[int] = 0
    differentiable: ClassVar[bool] = True
    """Whether the op has a pullback; ops that only stand in backward or update phases have none."""
    auxiliary: ClassVar[tuple[int, ...]] = ()
    """Outputs that only serve the pullback: no gradient flows into them."""
    constants: ClassVar[tuple[int, ...]] = ()
    """Floating-point inputs that the pullback takes as given, such as labels: no gradient flows out of them."""
    roles: ClassVar[Mapping[int, str]] = MappingProxyType({})
    """What an input is for if it is a weight: input index → one of the `ROLES` in `compiler/roles.py`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__ and cls.__module__.startswith(_LIBRARY):
            add_to_registry(cls)

    def infer(self, *types: Any, **_: Any) -> Types:
        """Types of the outputs for these types of the inputs.

        Raises:
            ShapeError: they do not fit; the text has the arithmetic and a fix.
        """
        raise NotImplementedError(self.name)

    def forward(self, *inputs: Any, **_: Any) -> tuple[Array, ...]:
        """The reference: the clearest correct NumPy. Never changes its inputs."""
        raise NotImplementedError(self.name)

    def expression(self, *inputs: Any, **_: Any) -> Expression | None:
        """What `forward` computes, for one element: what kernels are made of where an element-wise op gives it.

        Takes an `Expression` for each input and says the formula anew; tests compare it with `forward`. None, if the
        op has none.
        """
        return None

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...],
                 grads: Gradients) -> Gradients:
        """Emits nodes that turn gradients of the outputs into gradients of the inputs.

        Args:
            b: where the nodes go.
            inputs: ids of the op's inputs.
            outputs: ids of its outputs.
            grads: for each output the id of the loss's gradient with respect to it, or None if there is none.

        Returns:
            For each input the id of its gradient, or None where no gradient flows.
        """
        raise GraphError(f"op {self.name} has no gradient")

    def at_inference(self, b: NodeMaker, inputs: tuple[int, ...]) -> tuple[int | None, ...] | None:
        """Emits what stands for this op outside training.

        Returns:
            For each output the id of the value that replaces it (None for one that only training needs), or None if the
            op is the same in and outside training.
        """
        return None

    def flops(self, inputs: Types, outputs: Types) -> int:
        """Floating-point operations for these concrete types; a multiply-add counts as two."""
        return sum(t.size for t in outputs)

    def index_ranges(self, *types: TensorType) -> Ranges:
        """Inputs that count something, such as rows, classes or steps: the numbers allowed, for inputs of these types.

        What a caller feeds to such an input is checked before anything runs, and random feeds keep to it.
        """
        return {}

    def separates(self, *inputs: TensorType) -> bool:
        """Whether results with a batch come of each sample by itself, and those without are sums or means over samples,
        or do not depend on any. `inputs` are types with the batch's symbol in place.

        Batches of such ops may be worked off in blocks.
        """
        return self.separable or self.elementwise or self.samplewise or self.statistic

    def advances(self) -> dict[int, int]:
        """Outputs that are the next value of an input (a weight, a moment): output index → input index.

        A kernel may write such an output over that input.
        """
        return {}

    def bind(self, dims: Dims) -> Self:
        """Replaces symbols in an attribute called `shape` by numbers."""
        shape = getattr(self, "shape", None)
        if not isinstance(shape, tuple):
            return self
        bound = bind_shape(shape, dims)
        return self if bound == shape else replace(self, shape=bound)  # type: ignore[call-arg]

    def attributes(self) -> dict[str, Any]:
        """The attributes by name, in declaration order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check(self, good: bool, name: str, allowed: str) -> None:
        """Refuses attribute `name` unless `good`; for use in `__post_init__`.

        Raises:
            ArgumentError: the attribute is not as `allowed` says.
        """
        if not good:
            raise ArgumentError(self.name, name, getattr(self, name), allowed)

    def __str__(self) -> str:
        """The name and the attributes that differ from their defaults."""
        attrs = ", ".join(f"{field.name}={format_value(getattr(self, field.name))}" for field in fields(self)
                          if differs(getattr(self, field.name), field.default))
        return f"{self.name}{{{attrs}}}" if attrs else self.name

    @classmethod
    def examples(cls) -> Sequence[Example]:
        """Attributes and shapes (dims that all differ) to test this op at, which also show how it is used.

        A built-in op has some here if they take a line or two. Where inputs have to be made so that they fit one
        another, as those of recurrent ops, they stand with the tests. An op of a user needs none.
        """
        return ()


def formula_of(op: Op, dtype: str = "float64") -> Formula | None:
    """The expression of an op in steps; None without one, or where a subclass has redefined `forward` alone.

    That for float64 does for every dtype, but may take more steps than others need.
    """
    if not callable(type(op).expression) or not restates(type(op), "expression", "forward"):
        return None
    return _traced(op, dtype, repr(op))


@lru_cache(maxsize=1024)
def _traced(op: Op, dtype: str, text: str) -> Formula | None:  # the text tells 0.0 from -0.0, which are equal
    return trace_method(op, "expression", "forward", dtype)


_REGISTRY: dict[str, type[Op]] = {}
_LIBRARY = __name__.partition(".")[0] + "."


def add_to_registry(cls: type[Op]) -> None:
    """Registers an op class by its name. Built-in ops are added when they are defined, custom ones by `register_op`.

    Raises:
        GraphError: another class has the name. The same class defined anew, as in a notebook, takes its own place.
    """
    known = _REGISTRY.get(cls.name)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise GraphError(f"two ops are named {cls.name!r}: {known.__module__}.{known.__qualname__} and "
                         f"{cls.__module__}.{cls.__qualname__}; give one another name")
    _REGISTRY[cls.name] = cls


def is_registered(op: Op) -> bool:
    """Whether the op's name stands for its class."""
    return _REGISTRY.get(getattr(op, "name", "")) is type(op)


def is_custom(name: str) -> bool:
    """Whether a name is one that only custom ops can have: `owner.op`."""
    return "." in name


def op_class(name: str) -> type[Op]:
    """The op class of this name.

    Raises:
        GraphError: there is none; the text says what to do.
    """
    if name in _REGISTRY:
        return _REGISTRY[name]
    if is_custom(name):
        raise GraphError(f"this file needs the custom op {name!r}: register it before loading (in a shell, with "
                         "--import MODULE)")
    raise GraphError(f"unknown op {name!r}: upgrade graphnet if the file comes from a newer one")


def registered_ops() -> dict[str, type[Op]]:
    """All ops by name, sorted."""
    return dict(sorted(_REGISTRY.items()))


def f(dtype: str, *shape: int) -> TensorType:
    """Short for a TensorType in examples."""
    return TensorType(dtype, shape)


def f64(*shape: int) -> TensorType:
    """A float64 type, in which examples are checked against numerical gradients."""
    return f("float64", *shape)


def as_type(array: Array) -> TensorType:
    """The type of an array."""
    return TensorType(array.dtype.name, array.shape)


def arity(cls: type[Op]) -> tuple[int, int | None]:
    """The least and the greatest number of inputs, from the signature of `infer`; None if there is no greatest."""
    infer: Any = cls.infer
    return _arity(infer)


@cache
def _arity(infer: Any) -> tuple[int, int | None]:
    parameters = [p for p in inspect.signature(infer).parameters.values() if p.name != "self"]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    return least, None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(positional)
