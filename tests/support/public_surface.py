"""All that users call and hold, so that tests can ask each of it for names that are not there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

import graphnet as gn
from graphnet.common.answers import Answering, argument_names

MODULES = {name: value for name in gn.__all__ if isinstance(value := getattr(gn, name), ModuleType)}
METHODS = ("fit", "evaluate", "predict", "train_on_batch", "loss_and_gradients", "save", "profile", "gradcheck")


@cache
def held(kind: str) -> Any:
    """What users hold, by what the table calls it."""
    x = gn.Input((4,))
    layer = gn.layers.Dense(2, name="layer")
    model = gn.Model(x, layer(x))
    if kind in ("network", "net", "history"):
        net = gn.compile(model, loss="mse", optimizer="sgd", metrics=["mae"])
        return net if kind != "history" else net.fit(np.zeros((2, 4)), np.zeros((2, 2)), verbose=False)
    return {"model": model, "tensor": x, "layer": layer, "optimizer": gn.optimizers.AdamW(),
            "callback": gn.Callback()}[kind]


def public() -> Iterator[tuple[str, str, Any]]:
    """All public names: their module, the name, what it is."""
    for place, module in {"gn": gn, **{f"gn.{name}": module for name, module in MODULES.items()}}.items():
        yield from ((place, name, getattr(module, name)) for name in module.__all__)


@cache
def answering() -> dict[str, tuple[Callable[..., Any], list[str]]]:
    """Every public class, function and method that is called by users, with its arguments."""
    found: dict[str, tuple[Callable[..., Any], list[str]]] = {}
    for place, name, value in public():
        if inspect.isclass(value) and issubclass(value, Answering):
            found[f"{place}.{name}"] = value, value._known_arguments() or []
        elif inspect.isfunction(value) and hasattr(value, "__wrapped__"):
            found[f"{place}.{name}"] = value, argument_names(value) or []
    for name in METHODS:
        found[f"net.{name}"] = getattr(held("net"), name), argument_names(getattr(gn.Network, name)) or []
    return found


def error_of(called: Callable[[], object]) -> str | None:
    """The text of the error; None if there is none."""
    try:
        called()
    except (gn.ArgumentError, gn.ShapeError, AttributeError) as error:
        return str(error)
    return None
