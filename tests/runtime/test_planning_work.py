"""A Program, and with it every figure of its memory, is planned in time that does not grow with any size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from op_cases import Case, cases_of, one_node_graph
from work import work_of

from graphnet.cli.common.subject import open_subject
from graphnet.compiler.errors import STUMBLES
from graphnet.compiler.inspect.footprint import measure_memory
from graphnet.compiler.ir import Graph
from graphnet.compiler.op import is_custom, registered_ops
from graphnet.compiler.ops import Fused
from graphnet.compiler.planning import lowering
from graphnet.runtime.kernels import NumpyTarget

FACTOR = 1 << 20


@pytest.mark.numpy_backend  # native Programs are for blocks, whatever the batch
@pytest.mark.parametrize(("name", "dims"), [("lenet", {}), ("char_rnn", {"T": 20}),
                                            *(pytest.param(name, {}, marks=pytest.mark.slow)
                                              for name in ("mlp", "row_rnn", "vgg", "resnet"))])
def test_the_memory_of_a_model_is_told_whatever_the_batch(name: str, dims: dict[str, int]) -> None:
    runner = open_subject("memory", name)._runner

    def report(batch: int, dims: dict[str, int]) -> None:
        for mode in ("train", "predict"):
            made = runner.programs.policy.make(runner.usual_purpose(mode), {"N": batch, **dims})
            assert measure_memory(made.program).arena > batch

    small = work_of(lambda: report(1000, dims))
    for batch in (10_000_000, 10**15, 10**24):
        assert work_of(lambda batch=batch: report(batch, dict.fromkeys(dims, 10 ** 7))).is_like(small)


@pytest.mark.parametrize("layout", ["batch-last", pytest.param("rows", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [name for name in registered_ops() if not is_custom(name)])
def test_an_op_is_lowered_in_the_same_time_whatever_its_sizes(name: str, layout: str,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    def batched(graph: Graph) -> frozenset[int]:
        return frozenset(v for v, t in graph.types.items() if t.rank >= 2 and layout == "batch-last")

    monkeypatch.setattr(lowering, "batch_last_values", batched)
    for small, large in pairs(name):
        few, many = (work_of(lambda graph=graph: lowering.lower(graph, {}, NumpyTarget())) for graph in (small, large))
        assert many.is_like(few), f"{large} takes {many}, {small} {few}"


def test_cuts_are_made_one_by_one() -> None:
    """The case that showed it: pieces of a fused chain were listed to learn the size of the first."""
    example = next(case for case in cases_of(Fused) if case.op.sums)
    graphs = [one_node_graph(replace(example, op=replace(example.op, body=swap_dims(example.op.body, size)),
                                     inputs=tuple(t.with_shape((size, 4)) for t in example.inputs)))
              for size in (1 << 16, 1 << 36)]
    few, many = (work_of(lambda graph=graph: lowering.lower(graph, {}, NumpyTarget())) for graph in graphs)
    assert many.is_like(few)


def swap_dims(body: Graph, size: int) -> Graph:
    """The body for a batch of another size than 3."""
    return replace(body, types={v: t.with_shape(swap(t.shape, 3, size)) for v, t in body.types.items()})


def pairs(name: str) -> Iterator[tuple[Graph, Graph]]:
    """Graphs of an op with one of its sizes, wherever it stands, 8 times as large, and 8 million times."""
    for case in cases_of(registered_ops()[name])[:1]:
        for size in sorted({dim for t in case.inputs for dim in t.shape if isinstance(dim, int)}):
            small, large = grown(case, size, size * 8), grown(case, size, size * 8 * FACTOR)
            if small and large:
                yield small, large


def grown(case: Case, old: int, new: int) -> Graph | None:
    """The case with another size in its inputs, and in its attributes if it does not take them as they are."""
    inputs = tuple(t.with_shape(swap(t.shape, old, new)) for t in case.inputs)
    changed = {name: swap(value, old, new) for name, value in case.op.attributes().items()}
    for attributes in (changed, case.op.attributes()):
        try:
            return one_node_graph(replace(case, op=type(case.op)(**attributes), inputs=inputs))
        except STUMBLES:
            continue
    return None


def swap(value: Any, old: int, new: int) -> Any:
    """A value in which one number stands for another."""
    if isinstance(value, tuple):
        return tuple(swap(part, old, new) for part in value)
    return new if type(value) is int and value == old else value
