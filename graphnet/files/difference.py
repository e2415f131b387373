"""How two files differ: graphs by layer, tensors by norm and maximum, training set-ups by field."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphnet.compiler import html
from graphnet.compiler.ir import Graph
from graphnet.compiler.types import Array, format_shape
from graphnet.compiler.words import LINE, label, screenful
from graphnet.files.layers import layer_lines
from graphnet.files.plain_text import aligned, as_json, leaves, path_text, shown
from graphnet.runtime.gnet import Row, TensorReader
from graphnet.runtime.gnet.wire.header import pack
from graphnet.runtime.gnet.wire.refusal import naming

MISSING = "-"


@dataclass(frozen=True)
class LayerDifference:
    """The lines of a layer that only one of the graphs has; a layer may be in one graph only, or only be elsewhere."""

    layer: str
    first: list[str]
    second: list[str]

    @property
    def lines(self) -> list[str]:
        """Them, marked as in a diff."""
        return [f"{mark} {label(line, LINE)}" for mark, texts in (("-", self.first), ("+", self.second))
                for line in texts]


@dataclass(frozen=True)
class TensorDifference:
    """A tensor that is not the same in both files.

    Attributes:
        name: of the tensor.
        first: role, dtype and shape in the first file, "-" if it has none.
        second: the same of the second.
        norm: the Euclidean norm of the difference; None where shapes or kinds differ.
        relative: that norm as a share of the norm in the first file.
        maximum: the largest absolute difference.
    """

    name: str
    first: str
    second: str
    norm: float | None = None
    relative: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class FieldDifference:
    """A field of the training set-up that is not the same.

    Attributes:
        path: to the field.
        first: its value in the first file; None if it is not there.
        second: in the second.
        in_first: whether the first file has it.
        in_second: whether the second has it.
    """

    path: str
    first: Any
    second: Any
    in_first: bool = True
    in_second: bool = True

    def __str__(self) -> str:
        values = (shown(value) if there else MISSING
                  for value, there in ((self.first, self.in_first), (self.second, self.in_second)))
        return f"{shown(self.path)}: {' → '.join(values)}"


@dataclass(frozen=True)
class Difference:
    """All that differs between two files. `meta`, and where layers were written, does not count."""

    first: str
    second: str
    layers: list[LayerDifference]
    tensors: list[TensorDifference]
    train: list[FieldDifference]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.layers or self.tensors or self.train)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON holds it."""
        found: dict[str, Any] = as_json({"equal": self.equal} | asdict(self))
        return found

    def __str__(self) -> str:
        if self.equal:
            return self._title
        lines = [f"- {label(self.first)}", f"+ {label(self.second)}"]
        if self.layers:
            lines.append("graph:")
        for layer in self.layers:
            lines += [f"  {label(layer.layer)}", *(f"    {line}" for line in layer.lines)]
        if self.tensors:
            lines.append("tensors:")
            lines += [f"  {line}" for line in aligned([(item.name, _measured(item)) for item in self.tensors])]
        if self.train:
            lines.append("training set-up:")
            lines += [f"  {item}" for item in self.train]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return screenful(str(self), f"Difference of {self._title}")

    def _repr_html_(self) -> str:
        layers = (html.folded(f"layer {label(layer.layer)}", html.listing(layer.lines)) for layer in self.layers)
        tensors = ((label(item.name), _measured(item)) for item in self.tensors)
        fields = html.listing(map(str, self.train))
        return html.frame(self._title, *layers, *[html.table(("tensor", "difference"), tensors)] * bool(self.tensors),
                          *[html.folded("training set-up", fields)] * bool(self.train))

    @property
    def _title(self) -> str:
        both = f"{label(self.first)} and {label(self.second)}"
        if self.equal:
            return f"{both}: the same graph, tensors and training set-up"
        return (f"{both}: {len(self.layers)} layers, {len(self.tensors)} tensors and {len(self.train)} fields of the "
                "training set-up differ")


def diff_files(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> Difference:
    """Compares two files, tensor by tensor, each of which is checked as it is read.

    Raises:
        GnetFormatError: a file is refused.
        OSError: a file cannot be read.
    """
    with TensorReader(first) as one, TensorReader(second) as two:
        with naming(one.path):
            graph = one.head.graph
        with naming(two.path):
            other = two.head.graph
        return Difference(one.path, two.path, diff_graphs(graph, other), _diff_tensors(one, two),
                          _diff_fields(one.head.train, two.head.train))


def diff_graphs(first: Graph, second: Graph) -> list[LayerDifference]:
    """The layers that differ, in the order of the first graph, then those that only the second has."""
    one, two = layer_lines(first), layer_lines(second)
    found = [] if first.name == second.name else [LayerDifference("name", [shown(first.name)], [shown(second.name)])]
    for layer in dict.fromkeys((*one, *two)):
        lines = one.get(layer, []), two.get(layer, [])
        if lines[0] != lines[1]:
            found.append(LayerDifference(layer, *_without_common(*lines)))
    return found


def _without_common(first: list[str], second: list[str]) -> tuple[list[str], list[str]]:
    """The lines that only one has; all of them if only their order differs."""
    one, two = {*first}, {*second}
    only = [line for line in first if line not in two], [line for line in second if line not in one]
    return only if any(only) else (first, second)


def _diff_tensors(first: TensorReader, second: TensorReader) -> list[TensorDifference]:
    one, two = ({row.name: row for row in file.head.rows} for file in (first, second))
    found = []
    for name in dict.fromkeys((*one, *two)):
        kinds = _kind(one.get(name)), _kind(two.get(name))
        if kinds[0] != kinds[1]:
            found.append(TensorDifference(name, *kinds))
            continue
        a, b = first.read(one[name]), second.read(two[name])
        if a.tobytes() != b.tobytes():
            found.append(TensorDifference(name, *kinds, *measure(a, b)))
    return found


def _kind(row: Row | None) -> str:
    return MISSING if row is None else f"{row.role} {row.dtype} {format_shape(row.shape)}"


def measure(first: Array, second: Array) -> tuple[float, float, float]:
    """‖a - b‖, ‖a - b‖ / ‖a‖ and max |a - b|, in float64; of whole numbers the differences are exact before."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # NaN and ∞ are told as they are
        gap = _whole_gap(first, second) if first.dtype.kind in "iu" else np.abs(a - b)
        norm, whole = np.sqrt(np.sum(gap * gap)), np.sqrt(np.sum(a * a))
        return float(norm), float(np.divide(norm, whole)), float(gap.max(initial=0.0))


def _whole_gap(first: Array, second: Array) -> Array:
    """|a - b| of whole numbers, taken modulo 2⁶⁴, in which it always fits."""
    a, b = first.astype(np.uint64), second.astype(np.uint64)
    return np.where(first > second, a - b, b - a).astype(np.float64)


def _measured(item: TensorDifference) -> str:
    if item.norm is None or item.relative is None:
        return f"{item.first} → {item.second}"
    return f"‖a - b‖ {item.norm:.3g} ({item.relative:.3g} of ‖a‖)  max |a - b| {item.maximum:.3g}"


def _diff_fields(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[FieldDifference]:
    one, two = dict(leaves(dict(first))), dict(leaves(dict(second)))
    return [FieldDifference(path_text(path), one.get(path), two.get(path), path in one, path in two)
            for path in dict.fromkeys((*one, *two))
            if path not in one or path not in two or pack(one[path]) != pack(two[path])]
