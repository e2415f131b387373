"""What every loader of a data set returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphnet.common.answers import Answering
from graphnet.compiler.types import Array
from graphnet.compiler.words import label


@dataclass(frozen=True, eq=False, repr=False)
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
        >>> gn.data.load_text()
        <Dataset tales: int64 (107999,) + int64 (11999,), 256 classes, of
        graphnet's own tales>
    """

    name: str
    x_train: Array
    y_train: NDArray[np.int64]
    x_test: Array
    y_test: NDArray[np.int64]
    classes: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        shapes = " + ".join(f"{x.dtype} {x.shape}" for x in (self.x_train, self.x_test))
        return f"<Dataset {label(self.name)}: {shapes}, {len(self.classes)} classes, of {label(self.source)}>"
