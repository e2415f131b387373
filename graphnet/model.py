"""A model: the graph between given inputs and outputs, its layers named, ready to be compiled."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphnet.checks import check_name
from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import Graph, Origin, Output
from graphnet.compiler.types import BATCH, TensorType
from graphnet.initializers import Initializer
from graphnet.layers.base import Layer
from graphnet.layers.emitter import Emitter
from graphnet.names import free_name, snake_case
from graphnet.source import user_source
from graphnet.summary import Summary, summarize
from graphnet.tensor import Call, Declared, SymbolicTensor, fill_symbols

Tensors = SymbolicTensor | Sequence[SymbolicTensor] | Mapping[str, SymbolicTensor]


class Model:
    """Everything between `inputs` and `outputs`, as an immutable graph.

    Layers without a name are named after their class in the order of their first calls: `conv2d`, `conv2d_1`, …

    Args:
        inputs: what `gn.Input` returned: one, a list or tuple, or a dict by name.
        outputs: what layers returned: one, a list or tuple (named after their layers), or a dict by name.
        name: of the graph.

    Attributes:
        graph: the forward graph; parameters in the order of their layers.
        initializers: what fills each parameter, by its name.

    Raises:
        GraphError: an input leads to no output, an output depends on an input that is not listed, two layers have
            one name, or an argument is not a symbolic tensor.
    """

    def __init__(self, inputs: Tensors, outputs: Tensors, name: str | None = None) -> None:
        self.name = "model" if name is None else check_name("Model", name)
        self.source = user_source()
        ins, outs = _named("inputs", inputs), _named("outputs", outputs)
        _check_inputs(ins)
        calls = _calls_behind([tensor for _, tensor in outs])
        _check_connected(ins, outs, calls)
        input_names, layer_names = _name_all(ins, calls)
        self._outputs = outs
        self.graph, self.initializers = self._emit(ins, calls, input_names, layer_names)

    def summary(self) -> Summary:
        """Shapes, parameters, FLOPs and activation bytes of each layer, and their totals; print it."""
        return summarize(self.graph)

    def __repr__(self) -> str:
        return (f"<Model {self.name}: {len(self.graph.inputs)} inputs, {len(self.graph.parameters)} parameters, "
                f"{len(self.graph.outputs)} outputs>")

    def _emit(self, inputs: list[tuple[str | None, SymbolicTensor]], calls: list[Call], input_names: list[str],
              layer_names: dict[Layer, str]) -> tuple[Graph, dict[str, Initializer]]:
        b = Emitter(self.name)
        ids: dict[tuple[Call | Declared, int], int] = {}
        symbols = itertools.count()
        for (_, tensor), name in zip(inputs, input_names, strict=True):
            declared = _declaration(tensor)
            with b.at(Origin(name, "Input", declared.source)):
                shape = (BATCH, *fill_symbols(declared.dims, symbols))
                ids[declared, 0] = b.input(name, TensorType(tensor.dtype, shape))
        for call in calls:
            origin = Origin(layer_names[call.layer], call.layer.kind, call.source)
            results = b.emit(call.layer, origin, [ids[t.maker, t.index] for t in call.inputs])
            ids.update(((call, index), value) for index, value in enumerate(results))
        graph = b.build(self._name_outputs(ids, layer_names))
        return graph, b.initializers

    def _name_outputs(self, ids: Mapping[tuple[Call | Declared, int], int],
                      layer_names: Mapping[Layer, str]) -> list[Output]:
        named: dict[str, int] = {}
        for key, tensor in self._outputs:
            maker = tensor.maker
            stem = layer_names[maker.layer] if isinstance(maker, Call) else ""
            named[free_name(stem, named) if key is None else key] = ids[maker, tensor.index]
        return [Output(name, value) for name, value in named.items()]


def _named(argument: str, tensors: object) -> list[tuple[str | None, SymbolicTensor]]:
    """The tensors of an argument with their keys, None where it has none."""
    if isinstance(tensors, Mapping):
        items = [(check_name(f"Model {argument}", key), value) for key, value in tensors.items()]
    else:
        items = [(None, value) for value in (tensors if isinstance(tensors, list | tuple) else (tensors,))]
    if not items:
        raise GraphError(f"Model: {argument} is empty; give at least one tensor")
    for _, value in items:
        if not isinstance(value, SymbolicTensor):
            hint = "; call the layer on its input" if isinstance(value, Layer) else ""
            raise GraphError(f"Model: {argument} must be what gn.Input and layers return, "
                             f"got {type(value).__name__}{hint}")
    return items


def _check_inputs(inputs: list[tuple[str | None, SymbolicTensor]]) -> None:
    seen: set[SymbolicTensor] = set()
    for key, tensor in inputs:
        declared = _declaration(tensor)
        if tensor in seen:
            raise GraphError(f"Model: {tensor.origin} is listed twice in inputs")
        if key is not None and declared.name not in (None, key):
            raise GraphError(f"Model: inputs calls {key!r} what is named {declared.name!r} at {declared.source}; "
                             "use one name")
        seen.add(tensor)


def _declaration(tensor: SymbolicTensor) -> Declared:
    if isinstance(tensor.maker, Declared):
        return tensor.maker
    raise GraphError(f"Model: inputs must come from gn.Input, but {tensor.origin} computes this one")


def _calls_behind(outputs: list[SymbolicTensor]) -> list[Call]:
    """Every call that the outputs depend on, in the order in which the user made them, which is topological."""
    found: set[Call] = set()
    todo = [tensor.maker for tensor in outputs]
    while todo:
        maker = todo.pop()
        if isinstance(maker, Call) and maker not in found:
            found.add(maker)
            todo.extend(tensor.maker for tensor in maker.inputs)
    return sorted(found, key=lambda call: call.serial)


def _check_connected(inputs: list[tuple[str | None, SymbolicTensor]], outputs: list[tuple[str | None, SymbolicTensor]],
                     calls: list[Call]) -> None:
    for _, tensor in outputs:
        if isinstance(tensor.maker, Declared):
            raise GraphError(f"Model: the output {tensor.origin} is an input itself; put a layer between them")
    listed = {_declaration(tensor) for _, tensor in inputs}
    used: dict[Declared, Call] = {}
    for call in calls:
        for tensor in call.inputs:
            if isinstance(tensor.maker, Declared):
                used.setdefault(tensor.maker, call)
                if tensor.maker not in listed:
                    user = Origin(call.layer.name or "", call.layer.kind, call.source)
                    raise GraphError(f"Model: the outputs depend on {tensor.origin}, which {user} reads, but inputs "
                                     "does not list it; add it to inputs")
    for _, tensor in inputs:
        if tensor.maker not in used:
            raise GraphError(f"Model: no output depends on {tensor.origin}; it is disconnected: "
                             "connect it, or take it out of inputs")


def _name_all(inputs: list[tuple[str | None, SymbolicTensor]],
              calls: list[Call]) -> tuple[list[str], dict[Layer, str]]:
    """Names of the inputs and layers: the user's, and free ones for what has none."""
    layers = list(dict.fromkeys(call.layer for call in calls))
    taken: dict[str, Origin] = {}
    origins = [replace(tensor.origin, layer=key or tensor.origin.layer) for key, tensor in inputs]
    for origin in (*origins, *(Origin(layer.name or "", layer.kind, layer.source) for layer in layers)):
        if origin.layer in taken:
            raise GraphError(f"two parts of the model are named {origin.layer!r}: {taken[origin.layer]} and {origin}; "
                             "give each a name of its own")
        if origin.layer:
            taken[origin.layer] = origin
    input_names = []
    for origin in origins:
        input_names.append(origin.layer or free_name("input", taken))
        taken[input_names[-1]] = origin
    layer_names = {}
    for layer in layers:
        layer_names[layer] = layer.name or free_name(snake_case(layer.kind), taken)
        taken[layer_names[layer]] = Origin()
    return input_names, layer_names
