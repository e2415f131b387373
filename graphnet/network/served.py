"""Whether the graph of a file is that of a network: something that turns samples into results, a row for each."""

from __future__ import annotations

from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.ir import RECURRENT, Graph, Parameter, State
from graphnet.compiler.types import BATCH


def check_served(graph: Graph) -> None:
    """Refuses a graph whose inputs, outputs and recurrent states are not samples in rows, or are none at all.

    A file may hold such a graph, or no graph and only tensors; but there is nothing to feed or to predict.

    Raises:
        GnetFormatError: the text names the value.
    """
    auxiliary = {node.outputs[index] for node in graph.nodes for index in node.op.auxiliary}
    recurrent = [state for state in graph.states if state.role == RECURRENT]
    for key, items in (("inputs", graph.inputs), ("outputs", graph.outputs), ("states", recurrent)):
        if not items and key != "states":
            raise GnetFormatError("this is no network: there are none", ("graph", key))
        for item in items:
            t = graph.types[item.value]
            if t.shape[:1] != (BATCH,):
                raise GnetFormatError(f"this is no network: {item.name!r} is {t}, without a row for each sample; its "
                                      f"first dim must be {BATCH}", ("graph", key))
            if key == "outputs" and item.value in auxiliary:
                raise GnetFormatError(f"this is no network: {item.name!r} only serves the gradient of the op that "
                                      "makes it, and is not there outside training", ("graph", key))
    _check_advances(graph)


def _check_advances(graph: Graph) -> None:
    """Refuses ops that would write the new value of a state over a weight that is trained, or over another state."""
    owners: dict[int, Parameter | State | None] = {item.value: item for item in graph.variables}
    newest = {state.value: state.value for state in graph.states}
    for node in graph.nodes:
        for index, position in node.op.advances().items():
            old, new = node.inputs[position], node.outputs[index]
            owner = owners[new] = owners.get(old)
            if isinstance(owner, Parameter) and owner.trainable:
                raise GnetFormatError(f"this is no network: {node.op.name} of {node.origin} writes over the weight "
                                      f"{owner.name!r}, which is trained", ("graph", "nodes"))
            if isinstance(owner, State):
                newest[owner.value] = new if newest[owner.value] == old else -1
    for state in graph.states:
        if state.next is not None and (owners.get(state.next, state) is not state
                                       or newest[state.value] not in (state.value, state.next)):
            raise GnetFormatError(f"this is no network: the next value of {state.name!r} is not what is written over "
                                  "it", ("graph", "states"))
