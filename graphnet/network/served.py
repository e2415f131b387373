"""Whether the graph of a file is that of a network: something that turns samples into results, a row for each."""

from __future__ import annotations

from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.ir import RECURRENT, Graph
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
