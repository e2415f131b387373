"""What weights are filled with before training."""

from graphnet.initializers.base import INITIALIZERS, Fans, Initializer
from graphnet.initializers.matrices import Identity, Orthogonal
from graphnet.initializers.scaled import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    XavierNormal,
    XavierUniform,
)
from graphnet.initializers.simple import Constant, Normal, Ones, TruncatedNormal, Uniform, Zeros

__all__ = [
    "INITIALIZERS", "Constant", "Fans", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "Initializer", "LeCunNormal", "LeCunUniform", "Normal", "Ones", "Orthogonal", "TruncatedNormal", "Uniform",
    "XavierNormal", "XavierUniform", "Zeros",
]
