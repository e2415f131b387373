"""The one place that says what a pixel's number means to a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphnet.common.answers import answering
from graphnet.compiler.types import Array


@answering
def scale_pixels(pixels: Array) -> NDArray[np.float32]:
    """Maps unsigned integer pixels to [0, 1]: 0 stays 0 and the dtype's largest value becomes exactly 1.

    Models are trained on this and nothing else is done to an image, so that whoever feeds one to a trained
    model needs only this function.

    Args:
        pixels: uint8 or uint16 array of any shape.

    Returns:
        A new float32 array of the same shape.

    Example:
        >>> gn.data.scale_pixels(np.array([0, 51, 255], np.uint8))
        array([0. , 0.2, 1. ], dtype=float32)
    """
    scaled = pixels.astype(np.float32)
    scaled /= np.float32(np.iinfo(pixels.dtype).max)
    return scaled
