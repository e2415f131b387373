"""Graph-compiling, static-graph neural networks on NumPy."""

from graphnet import callbacks, initializers, layers, losses, metrics, optimizers, schedules
from graphnet.compiler.errors import (
    ArgumentError,
    DataError,
    GnetFormatError,
    GraphError,
    GraphNetError,
    MemoryLimitError,
    ShapeError,
    VerificationError,
)
from graphnet.compiling import compile
from graphnet.model import Model
from graphnet.network import Network
from graphnet.saving import load
from graphnet.tensor import Input, SymbolicTensor
from graphnet.training import Callback, History

__all__ = [
    "ArgumentError", "Callback", "DataError", "GnetFormatError", "GraphError", "GraphNetError", "History", "Input",
    "MemoryLimitError", "Model", "Network", "ShapeError", "SymbolicTensor", "VerificationError", "callbacks", "compile",
    "initializers", "layers", "load", "losses", "metrics", "optimizers", "schedules",
]
