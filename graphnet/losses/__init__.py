"""Losses: what training makes small."""

from graphnet.losses.base import LOSSES, Loss
from graphnet.losses.binary import BinaryCrossEntropy, Hinge
from graphnet.losses.classification import CrossEntropy, KLDivergence, SoftmaxCrossEntropy
from graphnet.losses.regression import CosineSimilarity, Huber, MeanAbsoluteError, MeanSquaredError

__all__ = [
    "LOSSES", "BinaryCrossEntropy", "CosineSimilarity", "CrossEntropy", "Hinge", "Huber", "KLDivergence", "Loss",
    "MeanAbsoluteError", "MeanSquaredError", "SoftmaxCrossEntropy",
]
