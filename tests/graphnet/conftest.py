"""What tests of the front end share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphnet import Model
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.types import concrete

Array = np.ndarray[Any, Any]


@pytest.fixture
def here() -> Callable[..., str]:
    """`here(n)` is the `file:line` of the line `n` lines above the one that it stands on."""
    def line(above: int = 0) -> str:
        frame = sys._getframe(1)
        return f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno - above}"
    return line


@pytest.fixture
def refused() -> Callable[[pytest.ExceptionInfo[BaseException]], str]:
    """`refused(caught)` is the `file:line` of the test's own line that raised."""
    def line(caught: pytest.ExceptionInfo[BaseException]) -> str:
        return f"{caught.traceback[0].path.name}:{caught.traceback[0].lineno + 1}"
    return line


@pytest.fixture
def weights() -> Callable[[Model], dict[str, Array]]:
    """`weights(model)` are fresh weights of a model by name."""
    def draw(model: Model) -> dict[str, Array]:
        rng, types = np.random.default_rng(1), model.graph.types
        return {p.name: model.initializers[p.name](concrete(types[p.value].shape), rng, types[p.value].dtype)
                for p in model.graph.parameters}
    return draw


@pytest.fixture
def run(weights: Callable[[Model], dict[str, Array]]) -> Callable[..., dict[str, Array]]:
    """`run(model, {name: array})` are the outputs by name, by the reference interpreter, with fresh weights."""
    def outputs(model: Model, feeds: dict[str, Array]) -> dict[str, Array]:
        values = interpret(model.graph, weights(model) | feeds)
        return {o.name: values[o.value] for o in model.graph.outputs}
    return outputs
