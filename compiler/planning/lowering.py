"""Lowers a graph to a Program for given dims: every value gets a place, every node an instruction."""

from __future__ import annotations

from functools import cache

from graphnet.compiler.ir import Graph, Input, Node, Output
from graphnet.compiler.planning.batching import in_stages, stages
from graphnet.compiler.planning.layout import batch_last_values, operand
from graphnet.compiler.planning.placement import Placement, Storage
from graphnet.compiler.planning.program import Instruction, Operand, Program, Slot, Target
from graphnet.compiler.planning.separation import separate_results
from graphnet.compiler.results import check_empty
from graphnet.compiler.rewrite import bind_graph
from graphnet.compiler.types import BATCH, Dims


def lower(graph: Graph, dims: Dims, target: Target, optimize: bool = True) -> Program:
    """Makes a Program.

    Args:
        graph: after all passes; its nodes are in order.
        dims: a number for each symbol, e.g. `{"N": 64}`.
        target: says how much scratch memory its kernels need.
        optimize: whether the compiler may choose layouts and work in place; if not, every value is stored in rows and
            has memory of its own while it lives.

    Raises:
        ShapeError: a symbol has no number, or is 0 where an op needs an element.
    """
    graph = separate_results(graph)
    last = batch_last_values(graph) if optimize else frozenset()
    trains = graph.trains
    stage_of = stages(graph) if target.blocked or (optimize and not trains) else None
    if stage_of:
        graph = in_stages(graph, stage_of)
    roomy = {v for v, t in graph.types.items() if t.shape[:1] == (BATCH,)} if last else set()
    ports: list[Input | Output] = [*graph.inputs, *graph.outputs]
    batched = frozenset(port.name for port in ports if BATCH in graph.types[port.value].shape)
    fed = frozenset(i.value for i in graph.inputs if i.name in batched) if target.blocked else None
    sampled = {value: t.shape.index(BATCH) for value, t in graph.types.items() if BATCH in t.shape}
    general = {node.outputs: node.op for node in graph.nodes}
    graph = bind_graph(graph, dims)
    if 0 in dims.values():
        check_empty(graph)
    room = target.room(dims.get(BATCH, 0))
    forms = {value: operand(t, value in last, room if value in roomy else 0) for value, t in graph.types.items()}
    placement = Placement(graph, forms, optimize, sorted(stage_of) if stage_of else None, optimize and not trains, fed)
    scratch = [_workspace(target, node, forms) for node in placement.code]
    storages = [[Storage(form.nbytes, first=i, last=i) for form in group] for i, group in enumerate(scratch)]
    placement.plan_arena(storages)

    @cache
    def slot(value: int) -> Slot:
        return _slot(value, forms[value], placement.of[value])

    def instruction(index: int, node: Node) -> Instruction:
        types = graph.types
        flops = node.op.flops(tuple(types[v] for v in node.inputs), tuple(types[v] for v in node.outputs))
        workspace = tuple(_slot(-1, form, s) for form, s in zip(scratch[index], storages[index], strict=True))
        return Instruction(node.op, tuple(map(slot, node.inputs)), tuple(map(slot, node.outputs)), workspace,
                           node.origin, node.phase, flops, general.get(node.outputs))

    program = Program(
        graph.name, dict(dims), tuple(instruction(i, node) for i, node in enumerate(placement.code)),
        {i.name: slot(i.value) for i in graph.inputs}, {o.name: slot(o.value) for o in graph.outputs},
        {p.name: slot(p.value) for p in graph.parameters}, {s.name: slot(s.value) for s in graph.states},
        placement.buffers, placement.each, placement.each is not None and target.blocked, batched, sampled,
        target.backend, trains=trains)
    return target.completed(program)


def _workspace(target: Target, node: Node, forms: dict[int, Operand]) -> tuple[Operand, ...]:
    types = target.workspace(node.op, tuple(forms[v] for v in node.inputs), tuple(forms[v] for v in node.outputs))
    return tuple(operand(t, False) for t in types)


def _slot(value: int, form: Operand, storage: Storage) -> Slot:
    return Slot(value, form, storage.buffer, storage.offset, storage.first, storage.last)
