"""Optimizers: how weights follow their gradients. Each names the op that does one step for all weights."""

from graphnet.optimizers.adam import Adam, AdamW, AMSGrad, NAdam
from graphnet.optimizers.adaptive import Adadelta, Adagrad, Lion, RMSProp
from graphnet.optimizers.base import OPTIMIZERS, Optimizer
from graphnet.optimizers.descent import SGD, SGDW, Momentum, Nesterov

__all__ = [
    "OPTIMIZERS", "SGD", "SGDW", "AMSGrad", "Adadelta", "Adagrad", "Adam", "AdamW", "Lion", "Momentum", "NAdam",
    "Nesterov", "Optimizer", "RMSProp",
]
