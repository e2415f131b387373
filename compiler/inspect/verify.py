"""Checks every pass: the graph after it is well formed, and computes what the graph before it computed.

Both graphs run in the reference interpreter on the same random feeds with small dims. A pass that says it is exact must
give the same bits in the dtype of the graph. Any other is compared in float64 whatever dtype the graph has, and may
differ by `ROUNDING` times the largest element of a result, which is 2²² rounding errors of float64 and far below
anything that float32 can tell apart. Of a sum that cancels nothing may be left but rounding: so it may also differ by
`FACTOR` times what moving every number in between by one rounding error makes of it (see `rounding.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphnet.compiler.errors import GraphError, ShapeError, VerificationError
from graphnet.compiler.inspect.random_feeds import random_feeds, small_dims
from graphnet.compiler.inspect.rounding import DRAWS, mover, spread
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph, Node, Parameter, State, format_node
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.passes.derive_backward import gradient_name
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.rewrite import check_graph, convert_floats
from graphnet.compiler.types import Array

ROUNDING = 2.0 ** 22 * float(np.finfo(np.float64).eps)
FACTOR = 2 ** 10


@dataclass
class Verifier:
    """For `PassManager.check`: raises VerificationError if a pass made a graph that is wrong.

    Attributes:
        seed: of the random feeds.
    """

    seed: int = 0
    _last: tuple[Graph, bool, dict[int, Array]] | None = field(default=None, repr=False)
    _moved: tuple[Graph, list[dict[int, Array]]] | None = field(default=None, repr=False)

    def __call__(self, stage: Stage) -> None:
        """Checks what one pass did.

        Raises:
            VerificationError: the text names the pass and the first node that differs.
        """
        step, before, after = stage.applied, stage.before, stage.after
        try:
            check_graph(after)
        except (GraphError, ShapeError) as error:
            raise VerificationError(f"the pass {step.name} made a graph that is not well formed: {error}") from error
        if not step.changes_meaning:
            _check_signature(step, before, after)
            self._compare(step, before, after)

    def _compare(self, step: Pass, before: Graph, after: Graph) -> None:
        old, new = self._values(before, not step.exact), self._values(after, not step.exact)
        asked, made = _results(before), _results(after)
        for name in asked.keys() & made.keys():
            if _same(old[asked[name]], new[made[name]], step.exact):
                continue
            noise = {} if step.exact else self._noise(before, old)
            if _same(old[asked[name]], new[made[name]], step.exact, noise.get(asked[name], 0.0)):
                continue
            node = _first_difference(after, old, new, step.exact, noise) or after.producers.get(made[name])
            raise VerificationError(
                f"the pass {step.name} changed {name}: {_difference(old[asked[name]], new[made[name]])}\n"
                f"  the first node that differs: {_describe(node, after)}\n"
                f"  allowed: {'the same bits' if step.exact else f'{ROUNDING:.1g} of the largest element, in float64'}")

    def _noise(self, graph: Graph, values: Mapping[int, Array]) -> dict[int, float]:
        """How far one rounding error in everything in between brings each value."""
        if self._moved is None or self._moved[0] is not graph:
            double = in_double(graph)
            self._moved = graph, [evaluate(double, self.seed, mover(draw)) for draw in range(DRAWS)]
        draws = self._moved[1]
        return {value: spread(array, (draw[value] for draw in draws)) for value, array in values.items()}

    def _values(self, graph: Graph, double: bool) -> dict[int, Array]:
        if self._last is None or self._last[0] is not graph or self._last[1] is not double:
            self._last = graph, double, evaluate(in_double(graph) if double else graph, self.seed)
        return self._last[2]


def evaluate(graph: Graph, seed: int = 0, change: Callable[[Array], Array] = lambda x: x) -> dict[int, Array]:
    """Every value of a graph for random feeds, by the reference interpreter; `change` as there."""
    with np.errstate(all="ignore"):
        return interpret(graph, random_feeds(graph, small_dims(graph), seed), change)


def in_double(graph: Graph) -> Graph:
    """The graph in float64, fused bodies included."""
    nodes = tuple(replace(node, op=replace(node.op, body=convert_floats(node.op.body, "float64")))
                  if isinstance(node.op, Fused) else node for node in graph.nodes)
    return convert_floats(replace(graph, nodes=nodes), "float64")


def _check_signature(step: Pass, before: Graph, after: Graph) -> None:
    """A pass may add results; of those that were there only gradients may go (into an update)."""
    lost = [name for name in _results(before) if name not in _results(after)
            and not name.startswith(f"output {gradient_name('')}")]
    if lost:
        raise VerificationError(f"the pass {step.name} lost {', '.join(lost)}")


def _results(graph: Graph) -> Mapping[str, int]:
    """What a graph is run for, by name."""
    found = {f"output {o.name}": o.value for o in graph.outputs} | {f"penalty {o.name}": o.value
                                                                   for o in graph.penalties}
    advanced: tuple[Parameter | State, ...] = graph.variables
    return found | {f"the next {item.name}": item.next for item in advanced if item.next is not None}


def _first_difference(after: Graph, old: Mapping[int, Array], new: Mapping[int, Array], exact: bool,
                      noise: Mapping[int, float]) -> Node | None:
    return next((node for node in after.nodes
                 if any(v in old and not _same(old[v], new[v], exact, noise.get(v, 0.0)) for v in node.outputs)), None)


def _same(old: Array, new: Array, exact: bool, noise: float = 0.0) -> bool:
    if old.shape != new.shape:
        return False
    if exact or old.dtype.kind != "f":
        return np.array_equal(old, new, equal_nan=old.dtype.kind == "f")
    finite = np.isfinite(old)
    if not np.array_equal(old[~finite], new[~finite], equal_nan=True):
        return False
    allowed = ROUNDING * np.abs(old[finite]).max(initial=0) + FACTOR * noise
    return bool((np.abs(old[finite] - new[finite]) <= allowed).all())


def _difference(old: Array, new: Array) -> str:
    if old.shape != new.shape:
        return f"its shape was {old.shape} and is {new.shape}"
    if old.ndim == 0:
        return f"it was {old} and is {new}"
    with np.errstate(all="ignore"):
        gaps = np.abs(np.subtract(old, new, dtype=np.float64))
    gaps = np.where(np.isnan(gaps) & ~(np.isnan(old) & np.isnan(new)), np.inf, gaps)
    place = np.unravel_index(int(np.nanargmax(gaps)), gaps.shape)
    where = ", ".join(map(str, place))
    return f"at ({where}) it was {old[place]} and is {new[place]}"


def _describe(node: Node | None, graph: Graph) -> str:
    return "none; a result is wired to something else" if node is None else (
        f"{format_node(node, graph.types)} ({node.origin})")
