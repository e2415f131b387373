"""Who reads what in a fused body, and how it stands in text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.op import Op, arity
from graphnet.compiler.ops.reduction import Reduction

ABOVE, ARROW = "·", "→"
"""What stands for the result of the op before, where that makes a single one; what stands before the results."""
BodyLine = tuple[str, Node | None]


class Wiring(NamedTuple):
    """The inputs of each op and the results, as places: those of the inputs first, then of what the ops make."""

    operands: tuple[tuple[int, ...], ...]
    results: tuple[int, ...]


def usual_wiring(ops: Sequence[Op], inputs: int, results: int) -> Wiring | None:
    """How bodies are wired as a rule, which therefore need not be told; None if no rule can tell.

    Each op of the chain makes one value. Every one but the first reads what the one before it made, then inputs that
    nobody has read yet, in order; the first reads the inputs that are left over, the foremost ones. Sums stand at the
    end and read what the chain makes. The results are what the chain makes, unless there is one result for each sum
    only, and the sums.

    Args:
        ops: those of the body, in order.
        inputs: how many the body has.
        results: how many the body has.
    """
    summing = [isinstance(op, Reduction) for op in ops[1:]]
    sums = sum(summing)
    sides = [_side_inputs(op) for op in ops[1:len(ops) - sums]]
    known = [side for side in sides if side is not None]
    free = inputs - sum(known)
    if summing != sorted(summing) or len(known) < len(sides) or free < 0 or results not in (sums + 1, sums or 1):
        return None
    operands = [tuple(range(free))]
    for above, side in enumerate(known, inputs):
        operands.append((above, *range(free, free + side)))
        free += side
    last = inputs + len(known)
    given = range(last if results > sums else last + 1, inputs + len(ops))
    return Wiring((*operands, *[(last,)] * sums), tuple(given))


def _side_inputs(op: Op) -> int | None:
    """How many inputs an op has besides the first; None if that may vary, or if it has no first."""
    least, most = arity(type(op))
    return least - 1 if least == most and least else None


def wiring_of(body: Graph) -> Wiring | None:
    """The wiring of a body; None if an op makes other than one value, or reads what nobody made."""
    if any(len(node.outputs) != 1 for node in body.nodes):
        return None
    made = [*(item.value for item in body.inputs), *(node.outputs[0] for node in body.nodes)]
    places = {value: place for place, value in enumerate(made)}
    read = [*(v for node in body.nodes for v in node.inputs), *(o.value for o in body.outputs)]
    if not places.keys() >= set(read):
        return None
    return Wiring(tuple(tuple(places[v] for v in node.inputs) for node in body.nodes),
                  tuple(places[o.value] for o in body.outputs))


def wiring_lines(body: Graph) -> list[BodyLine]:
    """The ops of a body with their operands, one a line, each with its node, and a line for the results if need be.

    Operands are the inputs x0, x1, … and t0, t1, …, which is what the ops make, in order. A line that begins with `+`
    takes the result of the line above, as `·`. The results are what the last line makes, if nothing else is said.
    """
    names = {item.value: f"x{i}" for i, item in enumerate(body.inputs)}
    lines: list[BodyLine] = []
    made, above = 0, tuple[int, ...]()
    for node in body.nodes:
        shown = dict.fromkeys(above, ABOVE) if len(above) == 1 else {}
        operands = ", ".join(shown.get(v) or names.get(v, f"%{v}") for v in node.inputs)
        own = [f"t{made + i}" for i in range(len(node.outputs))]
        joins = "+ " if any(v in shown for v in node.inputs) else f"; {', '.join(own)} = " if lines else ""
        lines.append((f"{joins}{node.op}({operands})", node))
        names.update(zip(node.outputs, own, strict=True))
        made, above = made + len(own), node.outputs
    results = [o.value for o in body.outputs]
    if results != list(above):
        lines.append((f"{ARROW} {', '.join(names.get(v, f'%{v}') for v in results)}", None))
    return lines


def wiring_text(body: Graph) -> str:
    """The body in one line: its ops, and their operands where these are not the usual ones."""
    ops = [node.op for node in body.nodes]
    wiring = wiring_of(body)
    if ops and wiring and wiring == usual_wiring(ops, len(body.inputs), len(body.outputs)):
        return " + ".join(map(str, ops))
    first, *others = [text for text, _ in wiring_lines(body)] or [""]
    return first + "".join(text if text.startswith(";") else f" {text}" for text in others)
