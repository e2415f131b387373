"""Graph-compiling, static-graph neural networks on NumPy."""

from graphnet import callbacks, custom, initializers, layers, losses, metrics, optimizers, schedules
from graphnet.compiler.custom_ops import register_op
from graphnet.compiler.errors import (
    ArgumentError,
    DataError,
    GnetFormatError,
    GraphError,
    GraphNetError,
    MemoryLimitError,
    NonFiniteError,
    ShapeError,
    VerificationError,
)
from graphnet.compiler.op import Op
from graphnet.compiling import compile
from graphnet.model import Model
from graphnet.network import Network
from graphnet.saving import load
from graphnet.tensor import Input, SymbolicTensor
from graphnet.training import Callback, History

__all__ = [
    "ArgumentError", "Callback", "DataError", "GnetFormatError", "GraphError", "GraphNetError", "History", "Input",
    "MemoryLimitError", "Model", "Network", "NonFiniteError", "Op", "ShapeError", "SymbolicTensor", "VerificationError", "callbacks",
    "compile", "custom", "initializers", "layers", "load", "losses", "metrics", "optimizers", "register_op",
    "schedules",
]
