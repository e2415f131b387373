"""Graph-compiling, static-graph neural networks on NumPy."""

from graphnet import initializers, layers, losses, metrics, optimizers
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
from graphnet.model import Model
from graphnet.tensor import Input, SymbolicTensor

__all__ = [
    "ArgumentError", "DataError", "GnetFormatError", "GraphError", "GraphNetError", "Input", "MemoryLimitError", "Model",
    "ShapeError", "SymbolicTensor", "VerificationError", "initializers", "layers", "losses", "metrics", "optimizers",
]
