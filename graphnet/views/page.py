"""One self-contained HTML page on what the compiler made of a network: no script, no style sheet, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from typing import TYPE_CHECKING

from graphnet.compiler.errors import GraphNetError
from graphnet.compiler.inspect.explain import Explanation, PassReport, with_labels
from graphnet.compiler.inspect.footprint import MemoryReport
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.planning.program import Program
from graphnet.compiler.words import LINE, label, shorten, visible
from graphnet.drawing.colours import darker
from graphnet.drawing.graph_drawing import draw_graph
from graphnet.drawing.layer_drawing import draw_layers
from graphnet.drawing.legend import legend_of
from graphnet.drawing.svg import graph_svg
from graphnet.drawing.timeline import make_timeline
from graphnet.drawing.timeline_svg import timeline_svg
from graphnet.engine.engine import Engine
from graphnet.views.page_style import STYLE

if TYPE_CHECKING:
    from graphnet.runtime.native.listing import InstructionCode

_CONTEXT = 2
_CODE_LINES = 200


def network_page(network: Engine, mode: str, batch: int, dims: Mapping[str, int]) -> str:
    """The page of a network for a purpose, at a batch size and numbers for other symbols."""
    stages = network.stages(mode, batch, **dims)
    code: Sequence[InstructionCode] = ()
    try:
        code, why = network.machine_code(mode, batch, **dims), ""
    except GraphNetError as error:
        why = str(error)
    return make_page(network.graph, network.explain(mode, batch, **dims), stages, network.program(mode, batch, **dims),
                     network.memory(mode, batch, **dims), code, why)


def make_page(declared: Graph, explanation: Explanation, stages: Sequence[Stage], program: Program,
              memory: MemoryReport, code: Sequence[InstructionCode] = (), why: str = "") -> str:
    """The page as text.

    Args:
        declared: the graph as the user declared it.
        explanation: what the passes did.
        stages: the graphs before and after each pass.
        program: what they were lowered to.
        memory: of the Program.
        code: the native code of its instructions.
        why: why there is none.
    """
    title = f"{label(explanation.name)}: {explanation.mode}"
    dims = ", ".join(f"{visible(symbol)}={size}" for symbol, size in memory.dims.items())
    facts = (f"{len(stages[0].before.nodes)} nodes declared, {len(stages[-1].after.nodes)} after {len(stages)} passes, "
             f"{len(program.instructions)} instructions at {dims or 'fixed dims'}: {program.flops / 1e6:,.1f} MFLOP, "
             f"arena of {program.peak:,} bytes")
    facts += "".join(f"; {line.strip()}" for line in explanation.backend.lines) if explanation.backend else ""
    sections = {"graph": ("Graph", _graphs(declared, stages)),
                "passes": ("Passes", _passes(explanation.passes, stages)),
                "memory": ("Memory", _memory(program, memory)),
                "fusion": ("Fusion", _fusion(explanation)),
                "program": ("Program", [f"<pre>{escape(program.text)}</pre>"]),
                "code": ("Code", _code(code, why))}
    links = " ".join(f'<a href="#{key}">{heading}</a>' for key, (heading, _) in sections.items())
    lines = ['<!DOCTYPE html>', '<html lang="en">', '<head>', '<meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width, initial-scale=1">',
             f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", "</head>", "<body>",
             f"<header><h1>{escape(title)}</h1><p>{escape(facts)}</p><nav>{links}</nav></header>", "<main>"]
    for key, (heading, parts) in sections.items():
        lines += [f'<section id="{key}">', f"<h2>{heading}</h2>", *parts, "</section>"]
    return "\n".join([*lines, "</main>", "</body>", "</html>", ""])


def _passes(reports: Sequence[PassReport], stages: Sequence[Stage]) -> Iterator[str]:
    yield ("<p>What each pass is for, and the graph before and after it, side by side; lines that it left alone are "
           "folded away.</p>")
    for report, stage in zip(reports, stages, strict=True):
        count = f"{report.nodes_before} → {report.nodes_after} nodes, {report.verdict}"
        head = (f"<b>{escape(report.name)}</b> <span class=\"quiet\">{escape(count)}</span>"
                f"<span class=\"purpose\">{escape(report.purpose)}</span>")
        if not stage.changed:
            yield f'<p class="idle">{head}</p>'
            continue
        yield f"<details open><summary>{head}</summary>"
        yield '<div class="scroll"><table class="diff"><thead><tr><th>before</th><th>after</th></tr></thead><tbody>'
        yield from _difference(_lines(stage.before), _lines(stage.after))
        yield "</tbody></table></div></details>"


def _lines(graph: Graph) -> list[str]:
    """The text of a graph, in lines fit to be shown."""
    shown = graph.with_nodes(tuple(map(with_labels, graph.nodes)))
    return [shorten(line, LINE) for line in shown.text.splitlines()]


def _difference(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            for i in range(max(b - a, d - c)):
                yield _row(before[a + i] if a + i < b else None, after[c + i] if c + i < d else None, True)
        elif b - a <= 2 * _CONTEXT + 1:
            yield from (_row(line, line, False) for line in before[a:b])
        else:
            yield from (_row(line, line, False) for line in before[a:a + _CONTEXT])
            yield f'<tr class="fold"><td colspan="2">{b - a - 2 * _CONTEXT} lines alike</td></tr>'
            yield from (_row(line, line, False) for line in before[b - _CONTEXT:b])


def _row(before: str | None, after: str | None, changed: bool) -> str:
    cells = []
    for line, mark in ((before, "gone"), (after, "new")):
        kind = f' class="{mark}"' if changed and line is not None else ""
        cells.append(f"<td{kind}><code>{escape(line or '')}</code></td>")
    return f"<tr>{''.join(cells)}</tr>"


def _graphs(declared: Graph, stages: Sequence[Stage]) -> Iterator[str]:
    yield ("<p>First the layers as they were declared, then what runs, after all passes. Weights are left out but "
           "where they are made of others; dashed lines are values kept for the backward pass. Point at a "
           "box for its attributes and its line.</p>")
    yield '<div class="beside">'
    for heading, drawing in (("the layers", draw_layers(declared)), ("after all passes", draw_graph(stages[-1].after))):
        yield (f'<figure><figcaption>{heading}</figcaption><div class="scroll">{graph_svg(drawing, heading)}</div>'
               "</figure>")
    yield "</div>"
    yield "<details><summary><b>as declared, op by op</b></summary>"
    yield f'<div class="scroll">{graph_svg(draw_graph(stages[0].before), "as declared, op by op")}</div></details>'


def _memory(program: Program, memory: MemoryReport) -> Iterator[str]:
    timeline = make_timeline(program)
    yield ("<p>The arena over the instructions; hatched is scratch of kernels, and a frame marks the instruction "
           "during which most is live. Point at a piece for what lies there.</p>")
    yield f'<div class="scroll">{timeline_svg(timeline, "memory timeline")}</div>'
    keys = (f'<li><i style="background:{colour}; border-color:{darker(colour)}"></i>{escape(text)}</li>'
            for colour, text in legend_of(piece.kind for piece in timeline.pieces).items())
    yield f'<ul class="legend">{"".join(keys)}</ul>'
    yield f"<pre>{escape(str(memory))}</pre>"


def _fusion(explanation: Explanation) -> Iterator[str]:
    done = sum(pair.done for pair in explanation.pairs)
    yield f"<p>{done} of {len(explanation.pairs)} neighbour pairs are fused; for each other pair the reason.</p>"
    yield ('<div class="scroll"><table class="pairs"><thead><tr><th>value</th><th>made by</th><th>read by</th>'
           "<th>fused</th><th>why</th></tr></thead><tbody>")
    for pair in explanation.pairs:
        sources = [f"{escape(str(node))} <span class=\"quiet\">{escape(node.source)}</span>"
                   for node in (pair.producer, pair.consumer)]
        yield (f'<tr class="{"yes" if pair.done else "no"}"><td>%{pair.value}</td><td>{sources[0]}</td>'
               f'<td>{sources[1]}</td><td>{"yes" if pair.done else "no"}</td>'
               f'<td>{"" if pair.done else escape(pair.reason)}</td></tr>')
    yield "</tbody></table></div>"


def _code(code: Sequence[InstructionCode], why: str) -> Iterator[str]:
    if why:
        yield f"<p>{escape(why)}</p>"
        return
    yield ("<p>What each instruction is compiled to for this processor: LLVM IR and assembler, of each the first "
           f"{_CODE_LINES} lines.</p>")
    for one in code:
        yield f"<details><summary><b>{escape(shorten(one.title, LINE))}</b></summary>"
        yield f"<p>NumPy runs it: {escape(one.why)}</p>" if one.why else (
            f'<div class="beside"><pre>{_first_lines(one.llvm)}</pre><pre>{_first_lines(one.asm)}</pre></div>')
        yield "</details>"


def _first_lines(text: str) -> str:
    lines = text.expandtabs().splitlines()
    more = [f"… and {len(lines) - _CODE_LINES:,} more lines"] if len(lines) > _CODE_LINES else []
    return escape("\n".join([*(shorten(line, LINE) for line in lines[:_CODE_LINES]), *more]))
