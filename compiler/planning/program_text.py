"""The text form of a Program: a table of instructions with their operands. It is stable; its digest depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from graphnet.compiler.ir import Node, Origin
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import ARENA, Instruction, Program, Slot

Row = tuple[str, ...]
_HEAD = ("#", "phase", "layer", "source", "op", "FLOP", "operand", "layout", "place", "live", "bytes")
_NUMBERS = {"#", "FLOP", "bytes"}


def format_program(program: Program) -> str:
    """Writes a Program as a table.

    An instruction takes as many lines as it has operands, or as its fused body has ops. Operands are the inputs x0,
    x1, …, the results y0, y1, … and scratch memory; a place is a buffer and a range of its bytes; `live` is the first
    and the last instruction that needs what lies there in the arena. A line of a fused body that begins with `+` takes
    the result of the line above as `·`.
    """
    dims = ", ".join(f"{symbol}={size}" for symbol, size in program.dims.items())
    lines = [f"program {program.name} ({dims})"]
    lines += [f"  buffer {name}: {size:,} bytes" for name, size in program.buffers.items()]
    for kind, slots in (("input", program.inputs), ("parameter", program.parameters), ("state", program.states),
                        ("output", program.outputs)):
        lines += [f"  {kind} {name}: {slot}" for name, slot in slots.items()]
    rows = [row for index, i in enumerate(program.instructions) for row in _rows(index, i)]
    return "\n".join(lines + table(_HEAD, rows, _NUMBERS)) + "\n"


def table(head: Row, rows: Sequence[Row], numbers: set[str]) -> list[str]:
    """Rows in columns under a head, as lines; the columns named in `numbers` are flush right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(row: Row) -> str:
        cells = (cell.rjust(width) if title in numbers else cell.ljust(width)
                 for cell, width, title in zip(row, widths, head, strict=True))
        return ("  " + "  ".join(cells)).rstrip()

    return [line(row) for row in (head, *rows)]


def body_lines(op: Op) -> list[tuple[str, Node | None]]:
    """The ops that an instruction runs, one a line, and for those of a fused body their nodes."""
    if not isinstance(op, Fused):
        return [(str(op), None)]
    names = {item.value: f"x{i}" for i, item in enumerate(op.body.inputs)}
    lines: list[tuple[str, Node | None]] = []
    above: tuple[int, ...] = ()
    for node in op.body.nodes:
        operands = ", ".join("·" if v in above else names[v] for v in node.inputs)
        names |= {v: f"t{len(names) - len(op.body.inputs) + i}" for i, v in enumerate(node.outputs)}
        joins = "+ " if not set(above).isdisjoint(node.inputs) else f"; {names[node.outputs[0]]} = " if above else ""
        lines.append((f"{joins}{node.op}({operands})", node))
        above = node.outputs
    results = [o.value for o in op.body.outputs]
    if results != list(above):
        lines.append((f"→ {', '.join(names[v] for v in results)}", None))
    return lines


def _rows(index: int, instruction: Instruction) -> Iterator[Row]:
    operands = [*_named("x", instruction.inputs), *_named("y", instruction.outputs),
                *(("scratch", slot) for slot in instruction.workspace if slot.operand.nbytes)]
    shown = Origin()
    for line, (left, right) in enumerate(zip_longest(body_lines(instruction.op), operands)):
        text, node = left or ("", None)
        origin = node.origin if node else instruction.origin
        where = (origin.layer, origin.source) if left and origin != shown else ("", "")
        shown = origin if left else shown
        first = (str(index), instruction.phase) if line == 0 else ("", "")
        flops = f"{instruction.flops:,}" if line == 0 else ""
        yield (*first, *where, text, flops, *(_operand(*right) if right else ("",) * 5))


def _named(letter: str, slots: Sequence[Slot]) -> list[tuple[str, Slot]]:
    return [(f"{letter}{i}", slot) for i, slot in enumerate(slots)]


def _operand(role: str, slot: Slot) -> Row:
    value = "" if role == "scratch" else f" %{slot.value}"
    return (f"{role}{value} {slot.operand.type}", slot.operand.layout, f"{slot.buffer}[{slot.offset}:{slot.end}]",
            f"{slot.first}..{slot.last}" if slot.buffer == ARENA else "", f"{slot.operand.nbytes:,}")


def short_name(op: Op) -> str:
    """The op's name, or those of its fused body: `conv2d+bias_add+relu`."""
    return "+".join(node.op.name for node in op.body.nodes) if isinstance(op, Fused) else op.name


def layers_of(op: Op, origin: Origin) -> Mapping[Origin, None]:
    """The layers whose work an instruction does, in order; of a fused body, those of all its ops."""
    nodes = op.body.nodes if isinstance(op, Fused) else ()
    return dict.fromkeys([node.origin for node in nodes] or [origin])
