"""A model: the graph between given inputs and outputs, its layers named, ready to be compiled."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from graphnet.common.checks import check_name
from graphnet.common.frozen import Guarded, ReadOnly, freeze
from graphnet.common.names import Names, snake_case
from graphnet.compiler.errors import GraphError
from graphnet.compiler.inspect.summary import Summary, summarize
from graphnet.compiler.ir import Graph, Origin, Output
from graphnet.compiler.types import BATCH, TensorType
from graphnet.compiler.words import LABEL, label, shorten
from graphnet.declare.emitter import Emits, Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.tensor import Call, Declared, SymbolicTensor, fill_symbols
from graphnet.declare.tracing import calls_behind, check_connected, declaration, refusal
from graphnet.initializers import Initializer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tensors = SymbolicTensor | Sequence[SymbolicTensor] | Mapping[str, SymbolicTensor]
Keyed = list[tuple[str | None, SymbolicTensor]]
Ids = dict[tuple[Call | Declared, int], int]


class Model(Guarded):
    """Everything between `inputs` and `outputs`, as an immutable graph.

    Layers without a name are named after their class in the order of first calls: `conv2d`, `conv2d_1`, …

    Keras / PyTorch: `Model`, as its functional API has it / `nn.Module`. Nothing is fed to it: `gn.compile` makes a
    network of it, and several of one model.

    Args:
        inputs: what `gn.Input` returned: one, a list or tuple, or a dict by name.
        outputs: what layers returned: one, a list or tuple (named after their layers), or a dict by name.
        name: of the graph.

    Attributes:
        graph: the forward graph; parameters in the order of their layers.
        initializers: what fills each parameter, by its name.

    Raises:
        GraphError: an input leads to no output, an output depends on an input that is not listed, two layers
            have one name, or an argument is not a symbolic tensor.

    Example:
        >>> x = gn.Input((4,), name="x")
        >>> h = gn.layers.Dense(8, activation="relu")(x)
        >>> mean, kind = gn.layers.Dense(1)(h), gn.layers.Dense(3)(h)
        >>> gn.Model(x, {"mean": mean, "kind": kind}, name="two_heads")
        <Model two_heads: x → mean, kind, 6 weights>
    """

    _habits = "Methods and attributes of a model"
    _instead = "a model is immutable: declare its layers as they are to be, and build another gn.Model of them"

    def __init__(self, inputs: Tensors, outputs: Tensors, name: str | None = None) -> None:
        self.name = "model" if name is None else check_name("Model", name)
        ins, outs = _keyed("inputs", inputs), _keyed("outputs", outputs)
        for _, tensor in outs:
            if isinstance(tensor.maker, Declared):
                raise refusal(f"the output {tensor.origin} is an input itself; put a layer between them")
        calls = calls_behind(tensor for _, tensor in outs)
        check_connected([tensor for _, tensor in ins], calls)
        input_names, layer_names = _name_all(ins, calls)
        b = Emitter(self.name)
        ids = _emit_inputs(b, ins, input_names)
        for call in calls:
            origin = Origin(layer_names[call.layer], call.layer.kind, call.source)
            results = b.emit(call.layer, origin, [ids[t.maker, t.index] for t in call.inputs])
            ids.update(((call, index), value) for index, value in enumerate(results))
        self.graph: Graph = b.build(_name_outputs(outs, ids, layer_names))
        self.initializers: ReadOnly[str, Initializer] = ReadOnly(
            b.initializers, f"Model {self.name}: initializers belong to layers: declare the layer with another one and "
                            "build the model again, or set the weights with set_weights({name: array}) once compiled")
        if type(self) is Model:  # one of a class of the user's own is frozen when it is compiled
            freeze(self)

    def __reduce__(self) -> NoReturn:
        raise GraphError("a Model cannot be pickled or copied, since a pickle runs code when it is read; "
                         "use gn.compile(model).save(path), and gn.load(path) elsewhere")

    if not TYPE_CHECKING:  # else type checkers would not find such calls
        def __call__(self, *_: object, **__: object) -> NoReturn:
            """Refuses what is done elsewhere."""
            raise TypeError("a model is not called: gn.compile(model, …) makes the network of it, which predicts and "
                            "trains; to place its layers once more, call them")

    def summary(self) -> Summary:
        """Shapes, parameters, FLOPs and activation bytes of each layer, and their totals; print it."""
        return summarize(self.graph)

    def plot(self, path: str | os.PathLike[str] | None = None, level: str = "layers") -> Figure:
        """Draws the model, `level` being "layers" or "ops"; see `Network.plot`, which also draws what becomes of it."""
        from graphnet.drawing.declared import plot_declared

        return plot_declared(self.graph, path, level)

    def _repr_svg_(self) -> str | None:
        """What a notebook shows: the layers; text where there are too many."""
        from graphnet.drawing.declared import layers_svg

        return layers_svg(self.graph)

    def __repr__(self) -> str:
        inputs, outputs = (shorten(", ".join(label(item.name) for item in items), LABEL)
                           for items in (self.graph.inputs, self.graph.outputs))
        return f"<Model {label(self.name)}: {inputs} → {outputs}, {len(self.graph.parameters)} weights>"


def _keyed(argument: str, tensors: object) -> Keyed:
    """The tensors of an argument with their keys, None where it has none."""
    items: list[tuple[str | None, object]]
    if isinstance(tensors, Mapping):
        items = [(check_name(f"Model {argument}", key), value) for key, value in tensors.items()]
    else:
        items = [(None, value) for value in (tensors if isinstance(tensors, list | tuple) else (tensors,))]
    if not items:
        raise refusal(f"{argument} is empty; give at least one tensor")
    keyed: Keyed = []
    for key, value in items:
        if not isinstance(value, SymbolicTensor):
            hint = "; call the layer and pass what it returns" if isinstance(value, Layer) else ""
            raise refusal(f"{argument} must be what gn.Input and layers return, "
                          f"got {type(value).__name__}{hint}")
        keyed.append((key, value))
    return keyed


def _name_all(inputs: Keyed, calls: Sequence[Call]) -> tuple[list[str], dict[Emits, str]]:
    """Names of the inputs and layers: the user's, and free ones for what has none."""
    layers = list(dict.fromkeys(call.layer for call in calls))
    taken: dict[str, Origin] = {}
    for key, tensor in inputs:
        given = tensor.origin
        if key is not None and given.layer not in ("", key):
            raise refusal(f"inputs has {key!r} for {given}; use one name for both")
        _take(taken, Origin(key or given.layer, given.kind, given.source))
    for layer in layers:
        _take(taken, Origin(layer.name or "", layer.kind, layer.source))
    names = Names(taken)
    input_names = [key or tensor.origin.layer or names.give("input") for key, tensor in inputs]
    return input_names, {layer: layer.name or names.give(snake_case(layer.kind)) for layer in layers}


def _take(taken: dict[str, Origin], origin: Origin) -> None:
    if origin.layer in taken:
        raise refusal(f"the name {origin.layer!r} is used twice: {taken[origin.layer]} and {origin}; "
                      "give each layer and input a name of its own")
    if origin.layer:
        taken[origin.layer] = origin


def _emit_inputs(b: Emitter, inputs: Keyed, names: Sequence[str]) -> Ids:
    ids: Ids = {}
    symbols = itertools.count()
    for (_, tensor), name in zip(inputs, names, strict=True):
        declared = declaration(tensor)
        with b.at(Origin(name, "Input", declared.source)):
            shape = (BATCH, *fill_symbols(declared.dims, symbols))
            ids[declared, 0] = b.input(name, TensorType(tensor.dtype, shape))
    return ids


def _name_outputs(outputs: Keyed, ids: Ids, layer_names: Mapping[Emits, str]) -> list[Output]:
    named: dict[str, int] = {}
    spare = Names(layer_names.values())
    for key, tensor in outputs:
        name = key
        if name is None:
            layer = layer_names[tensor.maker.layer] if isinstance(tensor.maker, Call) else ""
            name = spare.give(layer) if layer in named else layer
        named[name] = ids[tensor.maker, tensor.index]
    return [Output(name, value) for name, value in named.items()]
