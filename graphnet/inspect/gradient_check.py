"""Compares symbolic gradients with numerical ones in float64, and those of the backend with them, weight by weight."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from graphnet.common.checks import check_number, check_whole
from graphnet.compiler import html
from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import Graph
from graphnet.compiler.ops.recurrent import Walk
from graphnet.compiler.planning.program import table
from graphnet.compiler.rewrite import convert_floats
from graphnet.compiler.types import Array
from graphnet.compiler.words import label, screenful
from graphnet.engine.engine import Engine
from graphnet.engine.programs import Programs, numpy_policy
from graphnet.inspect.backend_check import HEAD, NUMBERS, BackendCheck, check_backend
from graphnet.inspect.differences import Comparison, Index, Point, loss_function

_HEAD = ("weight", "shape", "checked", "worst error", "at", "numerical", "symbolic", "")
_NUMBERS = {"checked", "worst error", "numerical", "symbolic"}
BESIDE = 1e-4
"""How far all weights are moved to get off a kink: farther than any difference reaches."""


@dataclass(frozen=True, slots=True)
class WeightCheck:
    """The worst of the elements of one weight that were checked.

    Attributes:
        name: of the weight.
        shape: of the weight.
        checked: how many elements were.
        error: |numerical - symbolic| as a share of the scale (see `check_gradients`).
        index: of the worst element: one that is wrong, or else one that is on no kink, if there are any.
        numerical: its gradient by differences.
        symbolic: its gradient by the backward pass.
        passed: whether the error is within the tolerance, or has a reason: a kink or a cut.
        kinks: how many elements lie on a kink and are right beside it.
        cut: how many elements differ because a layer's `truncate` cuts their gradients, and are right without it.
        slopes: of an element on a kink the numerical gradients from the left and from the right, if it is the worst.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    error: float
    index: tuple[int, ...]
    numerical: float
    symbolic: float
    passed: bool
    kinks: int = 0
    cut: int = 0
    slopes: tuple[float, float] | None = None

    @property
    def status(self) -> str:
        """What the check found, in words."""
        if not self.passed:
            return "WRONG"
        said = []
        if self.slopes is not None:
            said.append("on a kink: {:+.2e} before, {:+.2e} after".format(*self.slopes))
        elif self.kinks:
            said.append(f"ok, {self.kinks} on a kink")
        if self.cut:
            said.append(f"{self.cut} cut by truncate")
        return ", ".join(said) or "ok"


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """A row for each trainable weight; `str()` is a table.

    Attributes:
        truncated: layers whose `truncate` cuts gradients, with the number of steps, if any gradient differs for it.
        backend: the same gradients as the network's backend computes them in float32; None for a network of float64.
    """

    name: str
    loss: float
    tolerance: float
    weights: tuple[WeightCheck, ...]
    truncated: tuple[tuple[str, int], ...] = ()
    backend: BackendCheck | None = None

    @property
    def passed(self) -> bool:
        """Whether every weight did."""
        return all(row.passed for row in self.weights) and (self.backend is None or self.backend.passed)

    @property
    def kinks(self) -> int:
        """How many elements lie on a kink."""
        return sum(row.kinks for row in self.weights)

    def to_json(self) -> dict[str, Any]:
        """All figures as plain data."""
        rows = [asdict(row) | {"status": row.status} for row in self.weights]
        return asdict(self) | {"weights": rows, "passed": self.passed, "kinks": self.kinks,
                               "backend": self.backend.to_json() if self.backend else None}

    def __str__(self) -> str:
        return "\n".join([self._title, *table(_HEAD, self._rows(), _NUMBERS), *self._reasons(),
                          *(self.backend.lines() if self.backend else ()), self._verdict])

    def __repr__(self) -> str:
        return screenful(str(self), f"{self._title}: {self._verdict}")

    def _repr_html_(self) -> str:
        parts = [html.lines([*self._reasons()])]
        if self.backend:
            parts += [html.lines([self.backend.title]), html.table(HEAD, self.backend.rows(), NUMBERS)]
        return html.frame(self._title, html.table(_HEAD, self._rows(), _NUMBERS), *parts, html.lines([self._verdict]))

    @property
    def _title(self) -> str:
        return f"gradients of {label(self.name)}, loss {self.loss:.6f}, float64"

    @property
    def _verdict(self) -> str:
        wrong = {row.name for row in self.weights if not row.passed}
        wrong |= {row.name for row in self.backend.weights if not row.passed} if self.backend else set()
        said = "all gradients are right"
        if wrong:
            said = f"{len(wrong)} of {len(self.weights)} weights have wrong gradients"
        return f"{said} (tolerance {self.tolerance:.0e})"

    def _rows(self) -> list[tuple[str, ...]]:
        return [(label(row.name), _format(row.shape), f"{row.checked}", f"{row.error:.1e}", _format(row.index),
                 f"{row.numerical:+.6e}", f"{row.symbolic:+.6e}", row.status) for row in self.weights]

    def _reasons(self) -> Iterator[str]:
        """Why numbers differ that are right."""
        if self.kinks:
            checked = sum(row.checked for row in self.weights)
            yield (f"{self.kinks} of {checked} elements lie on a kink, as of ReLU at 0: "
                   "the slopes on both sides differ, so they were compared beside it")
        if self.truncated:
            cuts = ", ".join(f"{layer} (truncate={steps})" for layer, steps in self.truncated)
            yield (f"{sum(row.cut for row in self.weights)} elements differ because {cuts} lets no gradient pass from "
                   "chunk to chunk of its steps; without the cuts they are right")


def check_gradients(network: Engine, x: object, y: object, *, samples: int = 8, tolerance: float = 1e-5,
                    seed: int = 0) -> GradientCheck:
    """Compares the gradient of sampled elements of each weight with a central difference of the loss.

    The network is compiled again in float64, with its weights and states as they are; random masks are held. A
    difference (L(w + h) - L(w - h)) / 2h is wrong by O(h²) and by rounding errors of L over h; a kink of ReLU or of max
    pooling within ±h spoils it. So of the steps h in `STEPS` the one that agrees best counts: a gradient that is wrong
    agrees with none. The error is relative to the largest of: the two gradients, the largest gradient of the weight,
    and 0.001 times the largest gradient of all weights.

    Where none agrees, but the slopes before and after the element differ however small the step, the loss has a kink
    right there: black pixels and a bias of 0 lie on that of ReLU. There the gradient is right if it is no farther from
    one of the slopes than they are from one another, and if it agrees with differences on both sides of the kink, with
    all weights moved at random by about `BESIDE`. Gradients that `truncate` of recurrent layers cuts are no numerical
    ones; they are right if they are without the cut.

    Args:
        network: with a loss.
        x: a few samples; the work grows with them.
        y: their labels.
        samples: elements of each weight to check, ≥ 1; all of a smaller weight.
        tolerance: the largest error allowed, > 0.
        seed: of the choice of elements.

    Raises:
        GraphError: the network has no loss or nothing to train.
    """
    samples = check_whole("gradcheck", "samples", samples)
    tolerance = check_number("gradcheck", "tolerance", tolerance, above=0)
    given = in_double(network)
    loss, trained = given.loss_and_gradients(x, y)
    if not trained:
        raise GraphError(f"{network.graph.name} has no trainable weights, so there is no gradient to check")
    cuts = _truncations(network.graph)
    twin = in_double(network, _without_cuts(network.graph)) if cuts else given
    here = _point(twin, x, y, tolerance)
    rng = np.random.default_rng(seed)
    chosen = [(name, _index(gradient, flat)) for name, gradient in trained.items()
              for flat in sorted(rng.choice(gradient.size, min(samples, gradient.size), replace=False))]
    found = {key: here.compare(*key) for key in chosen}
    on_kinks = _right_beside(twin, x, y, here, [key for key, made in found.items() if made.bends and made.is_between])
    rows = tuple(_row(name, trained[name], here, {key[1]: made for key, made in found.items() if key[0] == name},
                      {index for kinked, index in on_kinks if kinked == name})
                 for name, gradient in trained.items() if gradient.size)
    backend = check_backend(network, given, x, y) if given.graph is not network.graph else None
    cuts = cuts if any(row.cut for row in rows) else ()
    return GradientCheck(network.graph.name, loss, tolerance, rows, cuts, backend)


def in_double(network: Engine, graph: Graph | None = None) -> Engine:
    """The same network in float64, with a memory of its own; of another graph, if one is given."""
    twin = Engine(convert_floats(graph or network.graph, "float64"),
                  Programs(numpy_policy(network.optimize), blas_threads=network._runner.programs.blas_threads),
                  network.objective, network.optimizer, network.seed)
    twin.allow_nonfinite = network.allow_nonfinite
    twin.set_weights(network.weights)
    twin.set_states(network.states)
    return twin


def _point(network: Engine, x: object, y: object, tolerance: float) -> Point:
    return Point(network.loss_and_gradients(x, y)[1], network._runner.weight_views(), loss_function(network, x, y),
                 tolerance)


def _row(name: str, trained: Array, here: Point, found: dict[Index, Comparison], on_kinks: set[Index]) -> WeightCheck:
    """The worst of the elements of a weight, with the gradients of training in place of those without cuts."""
    made = {index: replace(c, symbolic=float(trained[index])) for index, c in found.items()}
    right = {index for index, c in found.items() if c.error <= here.tolerance or index in on_kinks}
    cut = {index for index in right if here.error(name, found[index].symbolic, made[index].symbolic) > here.tolerance}
    for index in cut:
        error = here.error(name, made[index].numerical, made[index].symbolic)
        made[index] = replace(made[index], error=error)
    worst = max(made, key=lambda index: (index not in right, index not in on_kinks, made[index].error))
    c = made[worst]
    slopes = (c.before, c.after) if worst in on_kinks else None
    return WeightCheck(name, trained.shape, len(made), c.error, worst, c.numerical, c.symbolic,
                       len(right) == len(made), len(on_kinks), len(cut), slopes)


def _right_beside(network: Engine, x: object, y: object, here: Point,
                  elements: list[tuple[str, Index]]) -> set[tuple[str, Index]]:
    """Those of the elements whose gradients are right on both sides, with all weights moved a little."""
    right = set(elements)
    for side in (BESIDE, -BESIDE) if elements else ():
        with _moved(here, side):
            point = _point(network, x, y, here.tolerance)
            right = {key for key in right if point.compare(*key).error <= here.tolerance}
    return right


@contextmanager
def _moved(point: Point, by: float) -> Iterator[None]:
    """Within the block all trained weights are elsewhere, in the same random direction for every call."""
    rng = np.random.default_rng(0)
    kept = {name: point.weights[name].copy() for name in point.gradients}
    try:
        for name, array in kept.items():
            point.weights[name][...] = array + by * rng.standard_normal(array.shape)
        yield
    finally:
        for name, array in kept.items():
            point.weights[name][...] = array


def _truncations(graph: Graph) -> tuple[tuple[str, int], ...]:
    """The layers that cut gradients, with the number of steps between cuts."""
    return tuple(dict.fromkeys((node.origin.layer or node.op.name, node.op.truncate) for node in graph.nodes
                               if isinstance(node.op, Walk) and node.op.truncate))


def _without_cuts(graph: Graph) -> Graph:
    """The graph whose recurrent layers let all gradients through."""
    return graph.with_nodes(tuple(replace(node, op=replace(node.op, truncate=0)) if isinstance(node.op, Walk) else node
                                  for node in graph.nodes))


def _index(weight: Array, flat: int) -> Index:
    return tuple(int(i) for i in np.unravel_index(flat, weight.shape))


def _format(numbers: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, numbers))})"
