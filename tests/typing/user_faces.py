"""The public packages as users import them: what a module exports, the type checker finds in its package."""

from __future__ import annotations

import graphnet as gn
from graphnet.initializers import HeNormal, Initializer
from graphnet.layers import Conv2D, Layer
from graphnet.losses import LOSSES, Huber, Loss
from graphnet.metrics import Accuracy, Metric
from graphnet.optimizers import Adam, Optimizer

layer: Layer = Conv2D(3, 5, activation=gn.layers.ReLU(), kernel_initializer=HeNormal())
loss: Loss = Huber(delta=0.5)
metric: Metric = Accuracy()
optimizer: Optimizer = Adam(1e-3, beta1=0.8, clip_norm=1.0)
filler: Initializer = gn.initializers.Zeros()
named: Loss = LOSSES.resolve("compile", "loss", "mse")
delta: float = gn.losses.Huber(0.5).delta
