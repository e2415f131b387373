"""Metrics: figures that people read. Each is exact over a whole set, not an average of batches."""

from graphnet.metrics.accuracy import Accuracy, BinaryAccuracy, Perplexity, TopKAccuracy
from graphnet.metrics.base import METRICS, Metric
from graphnet.metrics.confusion import F1, ConfusionMatrix, Precision, Recall
from graphnet.metrics.errors import MeanAbsoluteError, MeanSquaredError

__all__ = [
    "F1", "METRICS", "Accuracy", "BinaryAccuracy", "ConfusionMatrix", "MeanAbsoluteError", "MeanSquaredError", "Metric",
    "Perplexity", "Precision", "Recall", "TopKAccuracy",
]
