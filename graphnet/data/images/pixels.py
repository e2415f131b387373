"""The one place that says what a pixel's number means to a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphnet.arrays.conversion import as_array
from graphnet.common.answers import answering
from graphnet.compiler.errors import DataError


@answering
def scale_pixels(pixels: object) -> NDArray[np.float32]:
    """Maps unsigned integer pixels to [0, 1]: 0 stays 0 and the dtype's largest value becomes exactly 1.

    Models are trained on this and nothing else is done to an image, so that whoever feeds one to a trained
    model needs only this function.

    Args:
        pixels: uint8 or uint16 array of any shape.

    Returns:
        A new float32 array of the same shape.

    Raises:
        DataError: they are of another dtype, whose largest value is not that of a pixel.

    Example:
        >>> gn.data.scale_pixels(np.array([0, 51, 255], np.uint8))
        array([0. , 0.2, 1. ], dtype=float32)
    """
    array = as_array("pixels", pixels)
    if array.dtype not in (np.uint8, np.uint16):
        raise DataError(f"pixels must be uint8 or uint16, whose largest value becomes 1, got {array.dtype}: give "
                        "np.asarray(pixels, np.uint8) for numbers from 0 to 255; floats from 0 to 1 are scaled already")
    scaled = array.astype(np.float32)
    scaled /= np.float32(np.iinfo(array.dtype).max)
    return scaled
