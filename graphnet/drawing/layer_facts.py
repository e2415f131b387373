"""What the nodes of a layer say of its arguments, in words: "kernel 5x5", "strides 2x2", "padding 2", "relu".

A network that comes from a file has no layer objects, so this is read from the attributes of ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields

from graphnet.compiler.ir import RECURRENT, Graph, Node
from graphnet.compiler.op import Op, is_custom
from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.words import differs, format_value

_OF_SHAPES = ("shape", "dtype", "value", "counted", "unbiased", "saved", "transpose_a", "transpose_b", "transpose_w")
"""What follows from the shapes, or how an op is used by the layer."""
_OF_AXES = ("axis", "axes", "before", "after", "count", "factor", "start", "stop")
"""What says something of a layer only if it is all that the layer does, without weights."""
_LINE_RANK = 3  # (N, C, L)
_PENALTIES = ("l1", "l2")
_SIZES = ("kernel", "strides", "dilation", "factors")


def layer_facts(graph: Graph, nodes: Sequence[Node]) -> list[str]:
    """What there is to say of a call of a layer, in the order of its nodes, each once."""
    working = [node for node in nodes if not node.op.rearranging]
    has_root = bool(working) and not working[0].op.elementwise  # what is element-wise alone is named by its layer
    weights = {item.value for item in graph.parameters}
    alone = len(nodes) == 1 and weights.isdisjoint(nodes[0].inputs)
    facts = []
    for node in nodes:
        facts += _names(node)
        facts += _kernel(graph, node)
        facts += [node.op.name] if has_root and _activates(node) else []
        facts += _attributes(node.op, alone, graph.types[nodes[-1].outputs[0]].rank == _LINE_RANK)
    if {node.op.reverse for node in nodes if isinstance(node.op, Recurrent)} == {True, False}:
        facts = [fact for fact in facts if fact != "reverse"] + ["both ways"]
    states = {state.value for state in graph.states if state.role == RECURRENT}
    if any(not states.isdisjoint(node.inputs) for node in nodes):
        facts.append("stateful")
    return list(dict.fromkeys(facts))


def _names(node: Node) -> list[str]:
    """The name of an op that the layer's class does not say: one of the user's own, or what a wrapper wraps."""
    wrapped = isinstance(node.op, Recurrent) and node.op.name.replace("_", "") != node.origin.kind.lower()
    return [node.op.name] if wrapped or is_custom(node.op.name) else []


def _kernel(graph: Graph, node: Node) -> list[str]:
    """The size of a convolution's kernel, which only its weight (out, in, height, width) says."""
    if not isinstance(node.op, Conv2d | Conv2dGradInput):
        return []
    maker = graph.producers.get(node.inputs[1])  # a weight of one dimension becomes one of two
    weight = maker.inputs[0] if maker and maker.op.rearranging and len(maker.inputs) == 1 else node.inputs[1]
    return [f"kernel {'x'.join(map(str, graph.types[weight].shape[2:]))}"]


def _activates(node: Node) -> bool:
    """Whether a node is an activation: a function of one value alone that needs no number to be one."""
    return node.op.elementwise and len(node.inputs) == 1 and all(
        field.default is not MISSING for field in fields(node.op))


def _attributes(op: Op, alone: bool, line: bool) -> list[str]:
    """The attributes of an op that matter, where they differ from their defaults.

    Args:
        op: whose.
        alone: whether it is all that the layer does.
        line: whether the layer works on lines: they are images of one row, whose height is not worth a word.
    """
    given = {field.name: getattr(op, field.name) for field in fields(op)
             if differs(getattr(op, field.name), field.default)}
    if given.get("strides") == given.get("kernel"):
        given.pop("strides", None)  # windows side by side, the usual case
    if line:
        given |= {name: given[name][-1:] for name in (*_SIZES, "padding") if isinstance(given.get(name), tuple)}
    quiet = _OF_SHAPES if alone else _OF_SHAPES + _OF_AXES
    return [_fact(name, value) for name, value in given.items()
            if name not in quiet and not (name in _PENALTIES and value == 0)]


def _fact(name: str, value: object) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if isinstance(value, tuple) and name in _SIZES:
        return f"{name} {'x'.join(map(format_value, value))}"
    if isinstance(value, tuple):
        return f"{name} {_sides(value)}"
    return f"{name} {value}" if isinstance(value, str) else f"{name} {format_value(value)}"


def _sides(value: tuple[object, ...]) -> str:
    """`2` for ((2, 2), (2, 2)), `0+1` for ((0, 1), (0, 1)), and what there is for others."""
    each = ["+".join(dict.fromkeys(map(format_value, side))) if isinstance(side, tuple) else format_value(side)
            for side in value]
    return each[0] if len(set(each)) == 1 and isinstance(value[0], tuple) else ", ".join(each)
