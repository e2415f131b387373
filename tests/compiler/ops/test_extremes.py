"""Every op refuses, by name, what it cannot compute: extreme attributes, other dtypes, sizes of 0 and 1, other ranks.

Each example of each op is changed in one thing. Then `infer` refuses it, or says what `forward` makes; the kernel makes
the same, in both layouts; and the gradient can be derived. Results of more than a MiB are not computed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from extremes import Extreme, extremes_of
from op_cases import Case, cases_of, one_node_graph

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphNetError
from graphnet.compiler.op import Op, Types, arity, as_type, is_custom, registered_ops
from graphnet.compiler.planning import lowering
from graphnet.compiler.results import infer_results
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.session import Buffers, Executable

LARGEST = 1 << 20  # bytes of results
THINNED = 12  # one of so many is tried by default
NAMES = [name for name, cls in registered_ops().items() if cls is not ops.Fused and not is_custom(name)]


@pytest.mark.parametrize("name", NAMES)
def test_an_op_refuses_what_it_cannot_compute(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for extreme in changed(name):
        if zlib.crc32(extreme.id.encode()) % THINNED == 0:
            check(extreme, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_change_of_an_op_is_refused_or_computed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for extreme in changed(name):
        check(extreme, monkeypatch)


def changed(name: str) -> Iterator[Extreme]:
    cls = registered_ops()[name]
    least, most = arity(cls)
    for case in cases_of(cls):
        for extreme in extremes_of(case):
            if least <= len(extreme.inputs) <= (len(extreme.inputs) if most is None else most):
                yield extreme


def check(extreme: Extreme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused on purpose, or computed; any other error fails."""
    try:
        op = extreme.cls(**extreme.attributes)
        types = infer_results(op, extreme.inputs)
    except GraphNetError:
        return
    try:
        differentiate(op, extreme.inputs, types)
        if not any(isinstance(dim, str) for t in (*types, *extreme.inputs) for dim in t.shape):
            assert op.flops(extreme.inputs, types) >= 0
            if sum(t.nbytes for t in types) <= LARGEST:
                compute(op, extreme, types, monkeypatch)
    except Exception as error:
        raise AssertionError(f"{extreme.id}: {type(error).__name__}: {error}") from error


def differentiate(op: Op, inputs: Types, types: Types) -> None:
    if not op.differentiable:
        return
    b = Builder("case")
    ids = [b.input(f"x{i}", t) for i, t in enumerate(inputs)]
    made = b.apply(op, *ids)
    grads = tuple(b.input(f"g{i}", t) if t.is_float and i not in op.auxiliary else None for i, t in enumerate(types))
    if any(g is not None for g in grads):
        pulled = op.pullback(b, tuple(ids), made, grads)
        assert all(g is None or b.types[g] == t for g, t in zip(pulled, inputs, strict=True))


def compute(op: Op, extreme: Extreme, types: Types, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = extreme.arrays(op)
    with np.errstate(all="ignore"):
        wanted = op.forward(*arrays)
    assert tuple(map(as_type, wanted)) == types
    for batch_last in (False, not isinstance(op, ops.Update)):  # whose weights always lie in rows
        monkeypatch.setattr(lowering, "batch_last_values", lambda graph, last=batch_last: frozenset(
            v for v, t in graph.types.items() if t.rank >= 2 and last))
        graph = one_node_graph(Case(op, extreme.inputs, extreme.case.example))
        program = lowering.lower(graph, {}, NumpyTarget())
        buffers = Buffers()
        run = Executable(program, buffers)
        slots = {**program.inputs, **program.parameters, **program.states}
        for position, array in enumerate(arrays):
            buffers.view(slots[f"x{position}"])[...] = array
        with np.errstate(all="ignore"):
            run.run()
        for index, want in enumerate(wanted):
            agree(run.outputs[f"y{index}"], want)


def agree(got: np.ndarray, want: np.ndarray) -> None:
    """To rounding, where the reference is finite; what overflows may do so in another step."""
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    finite = np.isfinite(want)
    allowed = 64 * np.finfo(want.dtype).eps * max(np.abs(want[finite]).max(initial=0), 1)
    assert (np.abs(got[finite] - want[finite]) <= allowed).all()
