"""What every op promises, as functions that raise AssertionError for a case that breaks the promise."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from allocations import SLACK, peak_of, small_pieces
from op_cases import Case, examples_of, one_node_graph, symbolic_forms

from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import Op, as_type
from graphnet.compiler.ops import Add, Multiply, ReduceSum
from graphnet.compiler.passes.derive_backward import DeriveBackward, gradient_name
from graphnet.compiler.planning import lowering
from graphnet.compiler.planning.layout import operand
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import BATCH, Array, TensorType
from graphnet.runtime.kernels import NumpyTarget, bind_kernel
from graphnet.runtime.kernels.registry import Call
from graphnet.runtime.session import Buffers, Executable

STEP = 1e-5  # of central differences, in float64: the error of the formula and of rounding are both near 1e-10
TOLERANCE = {"float32": 2e-6, "float64": 2e-14}


def check_documented(cls: type[Op]) -> None:
    """An op has a docstring of its own with a formula, and examples."""
    text = cls.__dict__.get("__doc__") or ""
    assert text, f"{cls.__name__} has no docstring"
    assert not text.startswith(f"{cls.__name__}("), f"{cls.__name__} has no docstring but the generated one"
    assert "=" in text or "←" in text, f"the docstring of {cls.__name__} has no formula"
    assert len(examples_of(cls)) > 0, f"{cls.__name__} has no examples"


def check_types(case: Case) -> None:
    """`infer` says what `forward` returns."""
    made = tuple(as_type(a) for a in case.op.forward(*case.arrays()))
    stated = case.op.infer(*case.inputs)
    assert made == stated, f"infer says {_join(stated)}, forward makes {_join(made)}"


def check_inputs_unchanged(case: Case) -> None:
    """`forward` does not write into its inputs."""
    arrays = case.arrays()
    before = [a.copy() for a in arrays]
    case.op.forward(*arrays)
    for position, (a, old) in enumerate(zip(arrays, before, strict=True)):
        np.testing.assert_array_equal(a, old, f"forward changed input {position}")


def check_gradients(case: Case) -> None:
    """The pullback gives what central differences give, for every floating-point input that is not a constant."""
    arrays = case.arrays()
    weights = [np.random.default_rng(1).uniform(0.5, 1.5, np.shape(y)) if case.op.infer(*case.inputs)[i].is_float
               and i not in case.op.auxiliary else None for i, y in enumerate(case.op.forward(*arrays))]
    found = _symbolic_gradients(case, arrays, weights)
    for position, t in enumerate(case.inputs):
        if not t.is_float or position in case.op.constants:
            continue
        expected = _central_differences(case.op, arrays, weights, position)
        error = np.abs(found[position] - expected).max(initial=0)
        scale = np.abs(expected).max(initial=0)
        assert error <= 1e-6 * scale + 1e-9, f"input {position}: gradient is off by {error:.3g} of {scale:.3g}"


def check_attributes(op: Op) -> None:
    """An op survives a trip through plain data, and equality, hash and text depend on the attributes alone."""
    same = replace(op)
    assert same == op
    assert hash(same) == hash(op)
    assert str(same) == str(op)
    assert "0x" not in str(op), "the text has an address in it"
    if any(isinstance(value, Graph) for value in op.attributes().values()):
        return  # a body is made by the compiler and never saved
    read = type(op)(**{name: _tuples(value) for name, value in json.loads(json.dumps(op.attributes())).items()})
    assert read == op, f"{read} was read, {op} was written"
    assert (hash(read), str(read)) == (hash(op), str(op))


def check_symbols(case: Case) -> None:
    """Inference with a symbolic batch, bound afterwards, agrees with inference on numbers."""
    for form, size in symbolic_forms(case):
        dims = {BATCH: size}
        bound = tuple(t.bind(dims) for t in form.op.infer(*form.inputs))
        assert bound == case.op.infer(*case.inputs), f"with {BATCH}={size} inference says {_join(bound)}"
        assert form.op.bind(dims) == case.op


def check_cost(case: Case) -> None:
    """The FLOPs are a whole number and not negative."""
    cost = case.op.flops(case.inputs, case.op.infer(*case.inputs))
    assert type(cost) is int
    assert cost >= 0


def check_kernel(case: Case, layout: str, monkeypatch: Any) -> None:
    """The op's kernel in a Program makes what the reference makes, whatever was in the memory before."""
    form = case.symbolic
    if layout == "batch-last":
        monkeypatch.setattr(lowering, "batch_last_values", _batched)
    graph = one_node_graph(form or case)
    program = lowering.lower(graph, {BATCH: case.batch} if form else {}, NumpyTarget())
    buffers = Buffers()
    run = Executable(program, buffers)
    _soil(buffers, program.buffers)
    slots = {**program.inputs, **program.parameters, **program.states}
    arrays = case.arrays()
    for position, array in enumerate(arrays):
        buffers.view(slots[f"x{position}"])[...] = array
    run.run()
    for index, expected in enumerate(case.op.forward(*arrays)):
        _assert_close(run.outputs[f"y{index}"], expected, f"output {index}")


def check_inplace(case: Case, position: int, layout: str) -> None:
    """The op's kernel may write an output over this input."""
    arrays = case.arrays()
    expected = case.op.forward(*arrays)
    forms = [operand(t, layout == "batch-last" and t.rank >= 2) for t in case.inputs]
    made = [operand(t, layout == "batch-last" and t.rank >= 2) for t in case.op.infer(*case.inputs)]
    placed = [np.ndarray(form.shape, form.dtype, np.empty(form.nbytes, np.uint8).data, 0, form.strides)
              for form in [*forms, *made]]
    inputs, outputs = placed[:len(forms)], placed[len(forms):]
    for target, array in zip(inputs, arrays, strict=True):
        target[...] = array
    outputs[case.op.inplace_output] = inputs[position]
    workspace = tuple(np.ones(t.shape, t.dtype) for t in NumpyTarget().workspace(case.op, tuple(forms), tuple(made)))
    bind_kernel(Call(case.op, tuple(inputs), tuple(outputs), workspace))()
    for index, (found, wanted) in enumerate(zip(outputs, expected, strict=True)):
        _assert_close(found, wanted, f"output {index} over input {position}")
    for other, (found, array) in enumerate(zip(inputs, arrays, strict=True)):
        if other != position:
            np.testing.assert_array_equal(found, array, f"the kernel changed input {other}")


def check_allocation(case: Case, layout: str, monkeypatch: Any) -> None:
    """The op's kernel allocates nothing that grows with the batch."""
    with small_pieces(monkeypatch, 64):
        small, large = (peak_of(_bound_kernel(case, layout, factor)) for factor in (32, 256))
    assert large <= small + SLACK, f"the kernel takes {small} bytes for a batch, {large} for one of 8 times its size"


def _bound_kernel(case: Case, layout: str, factor: int) -> Callable[[], None]:
    """The kernel on a batch of `factor` times the samples of the case, again and again the same."""
    form = case.symbolic
    if form is None:
        raise ValueError(f"{case.id} has no batch")
    dims, batched = {BATCH: case.batch * factor}, layout == "batch-last"
    inputs = []
    for t, array in zip(form.inputs, case.arrays(), strict=True):
        times = [factor if dim == BATCH else 1 for dim in t.shape]
        inputs.append(_placed(np.tile(array, times), batched and t.shape[:1] == (BATCH,)))
    op = form.op.bind(dims)
    outputs = [_placed(np.zeros(t.bind(dims).shape, t.dtype), batched and t.shape[:1] == (BATCH,))
               for t in form.op.infer(*form.inputs)]
    forms = [tuple(Operand(a.dtype.name, a.shape, a.strides) for a in group) for group in (inputs, outputs)]
    workspace = tuple(np.zeros(t.shape, t.dtype) for t in NumpyTarget().workspace(op, *forms))
    return bind_kernel(Call(op, tuple(inputs), tuple(outputs), workspace))


def _placed(array: Array, batch_last: bool) -> Array:
    form = operand(as_type(array), batch_last and array.ndim >= 2)
    place = np.ndarray(form.shape, form.dtype, np.empty(max(form.nbytes, 1), np.uint8).data, 0, form.strides)
    place[...] = array
    return place


def fits_inplace(case: Case, position: int) -> bool:
    """Whether the output that may lie in place of this input has its type."""
    return case.inputs[position] == case.op.infer(*case.inputs)[case.op.inplace_output]


def _symbolic_gradients(case: Case, arrays: tuple[Array, ...], weights: list[Array | None]) -> list[Array]:
    b = Builder("gradients")
    ids = [b.input(f"x{i}", t) for i, t in enumerate(case.inputs)]
    feeds, total = {f"x{i}": a for i, a in enumerate(arrays)}, None
    for index, value in enumerate(b.apply(case.op, *ids)):
        if weights[index] is None:
            continue
        feeds[f"w{index}"] = weights[index]
        product = b.add(Multiply(), value, b.input(f"w{index}", b.types[value]))
        term = b.add(ReduceSum(tuple(range(b.types[value].rank))), product)
        total = term if total is None else b.add(Add(), total, term)
    names = tuple(f"x{i}" for i, t in enumerate(case.inputs) if t.is_float)
    graph = DeriveBackward(inputs=names).run(b.build([Output("loss", total)]))
    values = interpret(graph, feeds)
    return [values[graph.output(gradient_name(f"x{i}"))] if t.is_float else np.zeros(0)
            for i, t in enumerate(case.inputs)]


def _central_differences(op: Op, arrays: tuple[Array, ...], weights: list[Array | None], position: int) -> Array:
    def loss(x: Array) -> float:
        outs = op.forward(*arrays[:position], x, *arrays[position + 1:])
        return float(sum((w * y).sum() for w, y in zip(weights, outs, strict=True) if w is not None))

    found = np.zeros(arrays[position].shape)
    for place in np.ndindex(found.shape):
        up, down = arrays[position].copy(), arrays[position].copy()
        up[place] += STEP
        down[place] -= STEP
        found[place] = (loss(up) - loss(down)) / (2 * STEP)
    return found


def _batched(graph: Graph) -> frozenset[int]:
    return frozenset(v for v, t in graph.types.items() if t.rank >= 2 and t.shape[0] == BATCH)


def _soil(buffers: Buffers, sizes: Any) -> None:
    for name in sizes:
        buffers[name][:] = 0xFF  # NaN for floats, True for bools


def _assert_close(found: Array, expected: Array, what: str) -> None:
    assert as_type(found) == as_type(expected), f"{what} is {as_type(found)} instead of {as_type(expected)}"
    if found.dtype.name not in TOLERANCE:
        np.testing.assert_array_equal(found, expected, what)
        return
    scale = max(np.abs(expected).max(initial=0), 1)
    np.testing.assert_allclose(found, expected, 0, TOLERANCE[found.dtype.name] * scale, err_msg=what)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _join(types: tuple[TensorType, ...]) -> str:
    return ", ".join(map(str, types))
