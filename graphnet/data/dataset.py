"""What every loader of a data set returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graphnet.common.answers import Answering
from graphnet.compiler.types import Array


@dataclass(frozen=True, eq=False)
class Dataset(Answering):
    """Samples and labels for classification, split into a training and a test part.

    Images, or one long sequence such as a text, where each element is a sample and has a label.

    Keras / PyTorch: – / `utils.data.Dataset`. Arrays that are in memory as a whole: `fit` cuts and shuffles them.

    Attributes:
        name: Short name for logs, such as "mnist".
        x_train: Training samples, float32 (N, C, H, W) in [0, 1]; of a text int64 (N,).
        y_train: Their classes, int64 (N,).
        x_test: Test samples likewise, (M, …).
        y_test: Their classes, int64 (M,).
        classes: The classes' names; label i means `classes[i]`.
        source: Where the data came from, as a sentence for people.

    Example:
        >>> digits = gn.data.load_mnist(cache_dir="none-yet")
        >>> digits.name, digits.x_train.shape, digits.y_test[:3]
        ('mnist-sample', (10000, 1, 28, 28), array([...]))
    """

    name: str
    x_train: Array = field(repr=False)
    y_train: NDArray[np.int64] = field(repr=False)
    x_test: Array = field(repr=False)
    y_test: NDArray[np.int64] = field(repr=False)
    classes: tuple[str, ...]
    source: str
