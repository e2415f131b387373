"""Graph-compiling, static-graph neural networks on NumPy.

Names are loaded when they are first used, so that `import graphnet` and `graphnet -h` are instant.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphnet import (
        callbacks,
        constraints,
        custom,
        data,
        initializers,
        layers,
        losses,
        metrics,
        optimizers,
        regularizers,
        schedules,
    )
    from graphnet.compiler.custom_ops import register_op
    from graphnet.compiler.errors import (
        ArgumentError,
        DataError,
        DivergenceError,
        FrozenError,
        GnetFormatError,
        GraphError,
        GraphNetError,
        MemoryLimitError,
        NonFiniteError,
        ShapeError,
        VerificationError,
        WorkLimitError,
    )
    from graphnet.compiler.op import Op
    from graphnet.declare.model import Model
    from graphnet.declare.tensor import Input, SymbolicTensor
    from graphnet.engine.checkpoints import Checkpoint
    from graphnet.engine.engine import Engine
    from graphnet.network.compiling import compile
    from graphnet.network.loading import load, open
    from graphnet.network.network import Network
    from graphnet.training.callback import Callback
    from graphnet.training.history import History

    __version__: str

__all__ = [
    "ArgumentError", "Callback", "Checkpoint", "DataError", "DivergenceError", "Engine", "FrozenError",
    "GnetFormatError", "GraphError", "GraphNetError", "History", "Input", "MemoryLimitError", "Model", "Network",
    "NonFiniteError", "Op", "ShapeError", "SymbolicTensor", "VerificationError", "WorkLimitError",
    "callbacks", "compile", "constraints", "custom", "data", "initializers", "layers", "load", "losses", "metrics",
    "open", "optimizers", "register_op", "regularizers", "schedules",
]

_HOMES = {
    "graphnet.engine.checkpoints": ("Checkpoint",),
    "graphnet.compiler.custom_ops": ("register_op",),
    "graphnet.compiler.errors": ("ArgumentError", "DataError", "DivergenceError", "FrozenError", "GnetFormatError",
                                 "GraphError", "GraphNetError", "MemoryLimitError", "NonFiniteError", "ShapeError",
                                 "VerificationError", "WorkLimitError"),
    "graphnet.compiler.op": ("Op",),
    "graphnet.network.compiling": ("compile",),
    "graphnet.declare.model": ("Model",),
    "graphnet.network.network": ("Network",),
    "graphnet.network.loading": ("load", "open"),
    "graphnet.declare.tensor": ("Input", "SymbolicTensor"),
    "graphnet.engine.engine": ("Engine",),
    "graphnet.training.callback": ("Callback",),
    "graphnet.training.history": ("History",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


_FOLDER = os.path.dirname(os.path.realpath(__file__)) if os.path.islink(__file__) else __path__[0]
if not os.path.isdir(os.path.join(_FOLDER, "compiler")):  # a checkout, maybe by the links of an editable install
    __path__[:] = [_FOLDER]
    import_module("graphnet.common.checkout").find_floors(os.path.dirname(_FOLDER))


if not TYPE_CHECKING:  # else type checkers would take any name
    def __getattr__(name: str) -> object:
        """Loads a public name, a public module, or the version, on its first use."""
        if name == "__version__":
            from graphnet.common.version import version

            return globals().setdefault(name, version())
        if name not in __all__:
            from graphnet.common.answers import unknown_name

            raise unknown_name(__name__, name)
        value = getattr(import_module(_HOME_OF[name]), name) if name in _HOME_OF else import_module(f"graphnet.{name}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
