"""Shrinks images by averaging over areas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_areas(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Shrinks an image; each new pixel is the mean of the area that it covers.

    Pixels that an area's edge cuts count by the part inside, so the mean of the whole image is kept for
    every ratio of sizes (Foley, van Dam, Feiner, Hughes, "Computer Graphics: Principles and Practice",
    unweighted area sampling). The axes are separate: out = A_h @ image @ A_w^T.

    Args:
        image: float32 (C, H, W).
        height: New height, at most H.
        width: New width, at most W.

    Returns:
        float32 (C, height, width).
    """
    rows = _area_weights(image.shape[1], height)  # (height, H)
    columns = _area_weights(image.shape[2], width)  # (width, W)
    return (rows @ image @ columns.T).astype(np.float32, copy=False)


def _area_weights(size: int, new_size: int) -> NDArray[np.float32]:
    """Share of each old pixel in each new one, (new_size, size); each row sums to 1."""
    edges = np.arange(new_size + 1) * (size / new_size)  # where the new pixels begin and end
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, np.newaxis], pixels + 1) - np.maximum(edges[:-1, np.newaxis], pixels)
    shares: NDArray[np.float64] = np.maximum(overlap, 0) * (new_size / size)
    return shares.astype(np.float32)
