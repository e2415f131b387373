"""What the passes made of a graph, and why neighbours were or were not fused: plain data that prints itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from graphnet.compiler import html
from graphnet.compiler.ir import Graph, Node, Origin, format_node
from graphnet.compiler.passes.base import Decision
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.planning.program import NUMPY, Instruction, Program, short_name
from graphnet.compiler.types import BATCH
from graphnet.compiler.words import LINE, label, shorten, visible

FUSION = "fuse"
"""Passes whose names begin like this put several nodes into one."""
_PAIR_HEAD = ("value", "made by", "read by", "why")


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node as a reader sees it: its op, the layer and class it comes from, the user's `file:line` and the phase."""

    op: str
    layer: str
    kind: str
    source: str
    phase: str

    @classmethod
    def of_instruction(cls, i: Instruction) -> NodeInfo:
        """The same of an instruction."""
        return cls(label(short_name(i.op), LINE), label(i.origin.layer), label(i.origin.kind), label(i.origin.source),
                   i.phase)

    @classmethod
    def of(cls, node: Node) -> NodeInfo:
        """What there is to say of a node."""
        return cls(label(short_name(node.op), LINE), label(node.origin.layer), label(node.origin.kind),
                   label(node.origin.source), node.phase)

    def __str__(self) -> str:
        return f"{self.op} of {self.layer}" if self.layer else self.op


@dataclass(frozen=True, slots=True)
class Pair:
    """Two neighbours: `producer` makes the value that `consumer` reads. `reason` says what was done, or why not."""

    producer: NodeInfo
    consumer: NodeInfo
    value: int
    done: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.producer} → {self.consumer}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PassReport:
    """What one pass changed.

    Attributes:
        name: of the pass.
        purpose: what it is for, in a sentence.
        nodes_before: how many nodes the graph had before.
        nodes_after: and after.
        gone: nodes that are not there any more, in the graph's text form.
        new: nodes that were not there.
        rewired: nodes that compute what they did from other values, as they are now.
        decisions: what it did to neighbours that it looked at, and what not, and why.
    """

    name: str
    purpose: str
    nodes_before: int
    nodes_after: int
    gone: tuple[str, ...]
    new: tuple[str, ...]
    rewired: tuple[str, ...]
    decisions: tuple[Pair, ...]

    @property
    def verdict(self) -> str:
        """In a few words."""
        counts = ((len(self.gone), "gone"), (len(self.new), "new"), (len(self.rewired), "rewired"))
        return ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing to change"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.nodes_before} → {self.nodes_after} nodes, {self.verdict}>"

    @property
    def changes(self) -> tuple[str, ...]:
        """A line for each node that it changed, and for each decision but those of fusion, which are told apart."""
        marked = (("-", self.gone), ("+", self.new), ("~", self.rewired))
        because = () if self.name.startswith(FUSION) else self.decisions
        return *(f"{mark} {text}" for mark, texts in marked for text in texts), *(f"because {d}" for d in because)


@dataclass(frozen=True, slots=True)
class Between:
    """An instruction that NumPy runs, though the Program is for another backend, and why."""

    instruction: int
    node: NodeInfo
    reason: str

    def __str__(self) -> str:
        return f"instruction {self.instruction}, {self.node}: {self.reason}"


@dataclass(frozen=True, slots=True)
class BackendReport:
    """How a backend other than NumPy runs a Program.

    Attributes:
        name: of the backend.
        dims: what was asked about.
        instructions: how many there are.
        between: those that NumPy runs.
        block: samples in a block, if batches are worked off in blocks; else 0.
        why_whole: why they are not.
    """

    name: str
    dims: Mapping[str, int]
    instructions: int
    between: tuple[Between, ...]
    block: int
    why_whole: str

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it in sentences."""
        dims = ", ".join(f"{symbol}={size}" for symbol, size in self.dims.items())
        compiled = self.instructions - len(self.between)
        samples, blocks = self.dims.get(BATCH, 1), -(-self.dims.get(BATCH, 1) // self.block) if self.block else 1
        cut = (f"the batch is worked off in {blocks} block{'s' * (blocks != 1)} of {self.block} samples, and one "
               "Program serves all sizes")
        if not self.block:
            cut = f"the batch of {samples} is worked off whole: {self.why_whole}"
        return (f"{self.name} backend at {visible(dims)}: {compiled} of {self.instructions} instructions are native",
                *(f"  NumPy runs {one}" for one in self.between), *[f"  {cut}"] * bool(self.block or self.why_whole))


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the compiler did to a graph for a purpose; `str()` is for reading, `to_json` for programs.

    Attributes:
        name: of the model.
        mode: the purpose.
        passes: in the order they ran.
        pairs: every two neighbours before fusion, fused or not, and the reason.
        left_out: passes that were not run, as the Program would take more memory with them.
        backend: how the backend runs the Program; None for NumPy's, and where sizes are not known.
    """

    name: str
    mode: str
    passes: tuple[PassReport, ...]
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...] = ()
    backend: BackendReport | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [self._title, *(text for note in self._notes() for text in ("", note))]
        lines += ["", *self.backend.lines] if self.backend else []
        for step in self.passes:
            lines += ["", f"{step.name}: {step.nodes_before} → {step.nodes_after} nodes, {step.verdict}"]
            lines += [f"  {step.purpose}"] if step.purpose else []
            lines += [f"  {line}" for line in step.changes]
        for title, pairs in self._fusion():
            lines += ["", title, *(f"  %{pair.value} {pair}" for pair in pairs)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<{self._title}; print it>"

    def _repr_html_(self) -> str:
        rows = ((step.name, step.purpose, f"{step.nodes_before} → {step.nodes_after}", step.verdict)
                for step in self.passes)
        steps = html.table(("pass", "what it is for", "nodes", "what it did"), rows, ("nodes",))
        changes = (html.folded(f"{step.name}: {step.verdict}", html.listing(step.changes))
                   for step in self.passes if step.changes)
        pairs = (html.folded(title, html.table(_PAIR_HEAD, map(_pair_row, found)))
                 for title, found in self._fusion())
        notes = [*self._notes(), *(self.backend.lines if self.backend else ())]
        return html.frame(self._title, html.lines(notes), steps, *changes, *pairs)

    @property
    def _title(self) -> str:
        return (f"explain {label(self.name)}, {self.mode}: {self.passes[0].nodes_before} nodes declared, "
                f"{self.passes[-1].nodes_after} after {len(self.passes)} passes")

    def _notes(self) -> Iterator[str]:
        if self.left_out:
            yield f"left out, as the Program would take more memory: {', '.join(self.left_out)}"

    def _fusion(self) -> Iterator[tuple[str, list[Pair]]]:
        """The pairs that are fused, and those that are not, under a title each."""
        for title, done in (("fused", True), ("not fused", False)):
            pairs = [pair for pair in self.pairs if pair.done is done]
            yield f"{title}: {len(pairs)} of {len(self.pairs)} neighbour pairs", pairs


def explain_backend(program: Program, dims: Mapping[str, int], why_whole: str) -> BackendReport | None:
    """How the backend that a Program is for runs it at these dims; None if that is NumPy."""
    if program.backend == NUMPY:
        return None
    between = tuple(Between(index, NodeInfo.of_instruction(program.instructions[index]), why)
                    for index, why in program.between.items())
    return BackendReport(program.backend, dict(dims), len(program.instructions), between,
                         program.dims[BATCH] if program.blocked else 0, why_whole)


def explain(name: str, mode: str, stages: Sequence[Stage], left_out: tuple[str, ...] = (),
            backend: BackendReport | None = None) -> Explanation:
    """Explains what passes did, from the graphs before and after each; `left_out` are passes that were not run."""
    apart = "fusion is left out here, as the Program would take more memory with it" if left_out else (
        "nothing is fused in a network that is compiled with optimize=False")
    return Explanation(name, mode, tuple(_report(stage) for stage in stages), tuple(_pairs(stages, apart)), left_out,
                       backend)


def _pair_row(pair: Pair) -> tuple[html.Cell, ...]:
    nodes = ((str(node), node.source) for node in (pair.producer, pair.consumer))
    return f"%{pair.value}", *nodes, pair.reason


def _report(stage: Stage) -> PassReport:
    before, after = stage.before, stage.after
    decisions = tuple(_decided(before, d) for d in stage.applied.decisions(before))
    gone, new, rewired = compare_nodes(before, after) if stage.changed else ((), (), ())
    applied = stage.applied
    return PassReport(applied.name, applied.purpose, len(before.nodes), len(after.nodes), gone, new, rewired, decisions)


def compare_nodes(before: Graph, after: Graph) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Nodes that are gone, new, and rewired, as text. A node is known by its op and the values that it makes."""
    old, new = ({(str(node.op), node.outputs): node for node in graph.nodes} for graph in (before, after))
    return (tuple(_line(node, before) for key, node in old.items() if key not in new),
            tuple(_line(node, after) for key, node in new.items() if key not in old),
            tuple(_line(node, after) for key, node in new.items()
                  if key in old and old[key].inputs != node.inputs))


def _line(node: Node, graph: Graph) -> str:
    return shorten(format_node(with_labels(node), graph.types), LINE)


def with_labels(node: Node) -> Node:
    """The same node, its layer's name and source fit to be shown as often as there are nodes."""
    origin = node.origin
    shown = Origin(label(origin.layer), label(origin.kind), label(origin.source))
    return node if shown == origin else replace(node, origin=shown)


def _decided(graph: Graph, decision: Decision) -> Pair:
    value = next((v for v in decision.producer.outputs if v in decision.consumer.inputs), -1)
    return Pair(NodeInfo.of(decision.producer), NodeInfo.of(decision.consumer), value, not decision.refusal,
                decision.refusal or decision.done)


def _pairs(stages: Sequence[Stage], apart: str) -> Iterator[Pair]:
    """Every edge of the graph before fusion; `apart` says why there is none."""
    fusions = [stage for stage in stages if stage.applied.name.startswith(FUSION)]
    before, after = (fusions[0] if fusions else stages[-1]).before, stages[-1].after
    owners = _owners(before, after)
    refusals = {(value, owners.get(d.consumer.outputs[0])): d.refusal for stage in fusions
                for d in stage.applied.decisions(stage.before) for value in d.producer.outputs if d.refusal}
    for consumer in before.nodes:
        for value in dict.fromkeys(consumer.inputs):
            producer = before.producers.get(value)
            if producer is None:
                continue
            owner = owners.get(consumer.outputs[0])
            fused = value not in after.types or (owner is not None and owner == owners.get(value))
            refusal = refusals.get((value, owner), "")
            reason = "fused" if fused else _reason(producer, consumer, refusal, "" if fusions else apart)
            yield Pair(NodeInfo.of(producer), NodeInfo.of(consumer), value, fused, reason)


def _owners(before: Graph, after: Graph) -> Mapping[int, int]:
    """For each value the first result of the node of `after` that computes it, within a fused body or not."""
    owners = {value: node.outputs[0] for node in after.nodes for value in node.outputs}
    for node in reversed(before.nodes):
        readers: Iterable[Node] = (n for value in node.outputs for n in before.uses.get(value, ()))
        owner = next((owners[n.outputs[0]] for n in readers if n.outputs[0] in owners), None)
        if owner is not None:
            owners |= {value: owner for value in node.outputs if value not in owners}
    return owners


def _reason(producer: Node, consumer: Node, refusal: str, apart: str) -> str:
    """Why two neighbours are apart: what the pass said, if it spoke of them."""
    for node in (producer, consumer):
        if node.op.view:
            return f"{node.op.name} only gives its input another shape; there is nothing to run"
    return apart or refusal or f"no pass joins {producer.op.name} with {consumer.op.name}"
