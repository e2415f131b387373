"""Lowers a graph to a Program for given dims: every value gets a place, every node an instruction."""

from __future__ import annotations

from dataclasses import replace

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import UPDATE, Graph, Node
from graphnet.compiler.layout import batch_last_values, operand
from graphnet.compiler.ops.arithmetic import Advance, Copy
from graphnet.compiler.placement import Placement, Storage, gradient_positions, gradient_reader
from graphnet.compiler.program import Instruction, Operand, Program, Slot, Target
from graphnet.compiler.rewrite import bind_graph
from graphnet.compiler.types import Dims


def lower(graph: Graph, dims: Dims, target: Target, layouts: bool = True) -> Program:
    """Makes a Program.

    Args:
        graph: after all passes; its nodes are in order.
        dims: a number for each symbol, e.g. `{"N": 64}`.
        target: says how much scratch memory its kernels need.
        layouts: whether the compiler may choose layouts; if not, every value is stored in rows.

    Raises:
        ShapeError: a symbol has no number.
    """
    graph = _separate_results(graph)
    last = batch_last_values(graph) if layouts else frozenset()
    graph = bind_graph(graph, dims)
    forms = {value: operand(t, value in last) for value, t in graph.types.items()}
    placement = Placement(graph, forms)
    scratch = [_workspace(target, node, forms) for node in placement.code]
    storages = [[Storage(form.nbytes, first=i, last=i) for form in group] for i, group in enumerate(scratch)]
    placement.plan_arena(storages)

    def slot(value: int) -> Slot:
        return _slot(value, forms[value], placement.of[value])

    def instruction(index: int, node: Node) -> Instruction:
        types = graph.types
        flops = node.op.flops(tuple(types[v] for v in node.inputs), tuple(types[v] for v in node.outputs))
        workspace = tuple(_slot(-1, form, s) for form, s in zip(scratch[index], storages[index], strict=True))
        return Instruction(node.op, tuple(map(slot, node.inputs)), tuple(map(slot, node.outputs)), workspace,
                           node.origin, node.phase, flops)

    return Program(
        graph.name, dict(dims), tuple(instruction(i, node) for i, node in enumerate(placement.code)),
        {i.name: slot(i.value) for i in graph.inputs}, {o.name: slot(o.value) for o in graph.outputs},
        {p.name: slot(p.value) for p in graph.parameters}, {s.name: slot(s.value) for s in graph.states},
        placement.buffers)


def _workspace(target: Target, node: Node, forms: dict[int, Operand]) -> tuple[Operand, ...]:
    types = target.workspace(node.op, tuple(forms[v] for v in node.inputs), tuple(forms[v] for v in node.outputs))
    return tuple(operand(t, False) for t in types)


def _slot(value: int, form: Operand, storage: Storage) -> Slot:
    return Slot(value, form, storage.buffer, storage.offset, storage.first, storage.last)


def _separate_results(graph: Graph) -> Graph:
    """Copies where two results would have to lie in one place, or one result in two.

    Each gradient that an update (or the clipping before it) reads must be a value of its own, made by a node that can
    write it straight into the gradient buffer. Each new state that no node writes over the old one is copied there at
    the end of the step.
    """
    b = Builder(graph.name, graph)
    reader = gradient_reader(graph)
    renamed = _own_gradients(b, graph, reader) if reader else {}
    done = {v for node in graph.nodes for v in (node.outputs[i] for i in node.op.advances())}
    late = [item for item in (*graph.parameters, *graph.states) if item.next is not None and item.next not in done]
    if not renamed and not late:
        return graph
    nodes = list(graph.nodes)
    if reader and renamed:
        inputs = tuple(renamed.get(i, v) for i, v in enumerate(reader.inputs))
        at = nodes.index(reader)
        nodes[at:at + 1] = [*b.nodes[len(graph.nodes):], replace(reader, inputs=inputs)]
    b.nodes = nodes
    for item in late:
        with b.at(item.origin, UPDATE):
            new = b.add(Advance(), item.value, item.next)  # type: ignore[arg-type]
        b.advance(item.value, new)
    return b.build(graph.outputs)


def _own_gradients(b: Builder, graph: Graph, reader: Node) -> dict[int, int]:
    """Copies of the gradients that are not values of their own, by the position they are read at."""
    seen: set[int] = set()
    renamed: dict[int, int] = {}
    for position in gradient_positions(reader):
        value = reader.inputs[position]
        maker = graph.producers.get(value)
        if maker is None or maker.op.view or value in seen or value in graph.kept:
            with b.at(reader.origin, UPDATE):
                renamed[position] = b.add(Copy(), value)
        seen.add(value)
    return renamed
