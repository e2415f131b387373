"""Walks from a model's outputs back to its inputs. Iterative throughout, so that depth costs no stack."""

from __future__ import annotations

from collections.abc import Iterable

from graphnet.common.source import user_source
from graphnet.compiler.errors import GraphError
from graphnet.declare.tensor import Call, Declared, SymbolicTensor


def declaration(tensor: SymbolicTensor) -> Declared:
    """The `gn.Input` that a model's input comes from.

    Raises:
        GraphError: a layer computes it.
    """
    if isinstance(tensor.maker, Declared):
        return tensor.maker
    raise refusal(f"inputs must come from gn.Input, but {tensor.origin} computes this one")


def calls_behind(outputs: Iterable[SymbolicTensor]) -> list[Call]:
    """Every call that the outputs depend on, in the order in which they were made, which is topological."""
    found: set[Call] = set()
    todo = [tensor.maker for tensor in outputs]
    while todo:
        maker = todo.pop()
        if isinstance(maker, Call) and maker not in found:
            found.add(maker)
            todo.extend(tensor.maker for tensor in maker.inputs)
    return sorted(found, key=lambda call: call.serial)


def check_connected(inputs: Iterable[SymbolicTensor], calls: Iterable[Call]) -> None:
    """Checks that the calls read exactly these inputs.

    Raises:
        GraphError: an input is read but not listed, listed but not read, or listed twice.
    """
    unread: dict[Declared, SymbolicTensor] = {}
    for tensor in inputs:
        if declaration(tensor) in unread:
            raise refusal(f"inputs lists {tensor.origin} twice")
        unread[declaration(tensor)] = tensor
    listed = set(unread)
    for call in calls:
        for tensor in call.inputs:
            if isinstance(tensor.maker, Declared) and tensor.maker not in listed:
                raise refusal(f"the outputs depend on {tensor.origin}, which {call.origin} reads, "
                              "but inputs does not list it; add it to inputs")
            if isinstance(tensor.maker, Declared):
                unread.pop(tensor.maker, None)
    for tensor in unread.values():
        raise refusal(f"no output depends on {tensor.origin}, so it is disconnected; "
                      "connect it, or take it out of inputs")


def refusal(reason: str) -> GraphError:
    """The error of a model that cannot be, at the user's line."""
    return GraphError(f"Model at {user_source()}: {reason}")
