"""Turns image files and `.npy` files into the samples that a trained model takes."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graphnet.common.answers import answering
from graphnet.compiler.errors import DataError
from graphnet.compiler.words import file_label
from graphnet.data.files.files import regular_file
from graphnet.data.files.npy import read_npy
from graphnet.data.images.pixels import scale_pixels
from graphnet.data.images.resample import average_areas

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow comes with matplotlib. Its other formats are left out: some start programs, some have no size limit.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "WEBP")
MAX_PIXELS = 25_000_000  # decoding takes some 50 bytes a pixel
MAX_STRETCH = 0.02  # shrinking 300 x 301 pixels to a square is fine, 300 x 400 is not
_NPY_MAGIC = b"\x93NUMPY"


@answering
def read_image(
    path: str | os.PathLike[str], shape: tuple[int, ...], *, invert: bool = False
) -> NDArray[np.float32]:
    """Reads one sample; see `read_samples`.

    Keras / PyTorch: `utils.load_img` and `img_to_array` / `torchvision.io.decode_image`; both give 0 to 255, Keras with
    the channels last.

    Returns:
        float32 of `shape`.

    Raises:
        DataError: The file is refused by `read_samples` or holds several samples.

    Example:
        >>> from PIL import Image
        >>> pixels = np.array([[0, 0], [255, 0]], np.uint8)
        >>> Image.fromarray(pixels).save("dot.png")
        >>> gn.data.read_image("dot.png", (1, 2, 2)).tolist()
        [[[0.0, 0.0], [1.0, 0.0]]]
        >>> gn.data.read_image("dot.png", (1, 1, 1)).tolist()  # the mean of all
        [[[0.25]]]
    """
    samples = read_samples(path, shape, invert=invert)
    if len(samples) != 1:
        raise DataError(f"{file_label(path)}: expected one sample of shape {shape}, found {len(samples)}")
    sample: NDArray[np.float32] = samples[0]
    return sample


@answering
def read_samples(
    path: str | os.PathLike[str], shape: tuple[int, ...], *, invert: bool = False
) -> NDArray[np.float32]:
    """Reads samples from an image or a `.npy` file (the content decides, never the name).

    An image (PNG, JPEG, BMP, GIF's first frame, PPM, WebP) is one sample. It is turned upright by its EXIF
    data, made grey when the model takes one channel (Rec. 601 luma), and its transparent parts become 0,
    the background. Its size must be the model's, or larger in the same proportions: then it is shrunk by
    averaging areas. Nothing is ever enlarged, cropped or padded.

    A `.npy` file holds one sample or a batch; a single channel's axis may be left out. uint8 is scaled as
    pixels are (see `scale_pixels`), floating point is taken as it is.

    Args:
        path: The file.
        shape: Shape of one sample; (1, H, W) or (3, H, W) for images.
        invert: Swap dark and light (v becomes 1 - v), for ink on paper where the model learnt MNIST's light
            strokes on dark ground.

    Returns:
        float32 (N, *shape); from uint8 or an image in [0, 1].

    Raises:
        DataError: The file is unreadable, too large, of an unknown kind, or does not fit the shape.

    Example:
        >>> np.save("five.npy", np.full((5, 2, 2), 255, np.uint8))
        >>> samples = gn.data.read_samples("five.npy", (1, 2, 2))
        >>> samples.shape, samples.dtype, samples.max()
        ((5, 1, 2, 2), dtype('float32'), ...1.0...)
    """
    path = regular_file(path)
    if _starts_with(path, _NPY_MAGIC):
        return _fit_array(path, read_npy(path), shape, invert)
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f"{file_label(path)}: expected a .npy file, as this model takes samples of shape {shape}; "
            f"an image fits (1, H, W) or (3, H, W)"
        )
    image = _mix_channels(_decode(path), shape[0], invert)
    return _fit_size(path, image, shape[1], shape[2])[np.newaxis]


def _starts_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        raise DataError(f"{file_label(path)}: cannot be read: {error.strerror or error}") from error


def _fit_array(
    path: Path, array: NDArray[np.generic], shape: tuple[int, ...], invert: bool
) -> NDArray[np.float32]:
    forms = [shape, shape[1:]] if len(shape) == 3 and shape[0] == 1 else [shape]
    if array.shape not in forms and array.shape[1:] not in forms:
        batch = f"(N, {', '.join(map(str, shape))})"
        raise DataError(f"{file_label(path)}: expected shape {shape} or {batch}, found {array.shape}")
    if not array.size:
        raise DataError(f"{file_label(path)}: expected one sample or more, found none (shape {array.shape})")
    samples = _to_float(path, array).reshape(-1, *shape)
    return 1 - samples if invert else samples


def _to_float(path: Path, array: NDArray[np.generic]) -> NDArray[np.float32]:
    if array.dtype == np.uint8:
        return scale_pixels(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(
            f"{file_label(path)}: expected uint8 (0 to 255) or floating point (as the model was trained), "
            f"found {array.dtype}; convert the array before saving it"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"{file_label(path)}: expected finite values, found NaN, infinity or more than float32 can "
                        "hold")
    return values


def _decode(path: Path) -> NDArray[np.float32]:
    """Decodes an image into red, green, blue and alpha, float32 (4, H, W) in [0, 1]."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Warnings are about odd metadata, which does no harm here, and about the size, which is checked.
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as image:
            return _to_rgba(path, image)
    except Image.DecompressionBombError as error:
        raise DataError(f"{file_label(path)}: expected {MAX_PIXELS:,} pixels or fewer: {error}") from error
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise DataError(f"{file_label(path)}: expected a .npy file or an image ({known}), found neither") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        raise DataError(f"{file_label(path)}: the image is damaged: {error}") from error


def _to_rgba(path: Path, image: Image) -> NDArray[np.float32]:
    from PIL import ImageOps

    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(f"{file_label(path)}: expected {MAX_PIXELS:,} pixels or fewer, found {width} x {height}")
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "F":
        raise DataError(f"{file_label(path)}: expected 8 or 16 bits a channel, found floating point")
    if upright.mode.startswith("I"):  # 16-bit grey
        grey = scale_pixels(np.asarray(upright).astype(np.uint16))
        return np.stack([grey, grey, grey, np.ones_like(grey)])
    return scale_pixels(np.asarray(upright.convert("RGBA")).transpose(2, 0, 1))


def _mix_channels(rgba: NDArray[np.float32], channels: int, invert: bool) -> NDArray[np.float32]:
    """Makes (4, H, W) into (channels, H, W), on a background of 0."""
    colours = rgba[:3] if channels == 3 else _luma(rgba)
    ink: NDArray[np.float32] = 1 - colours if invert else colours
    opaque: NDArray[np.float32] = ink * rgba[3]
    return opaque


def _luma(rgba: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rec. 601 luma, 0.299 R + 0.587 G + 0.114 B, in the form that leaves grey pixels exactly as they are."""
    red, green, blue, _ = rgba
    luma: NDArray[np.float32] = green + np.float32(0.299) * (red - green) + np.float32(0.114) * (blue - green)
    return luma[np.newaxis]


def _fit_size(path: Path, image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    found_height, found_width = image.shape[1:]
    if (found_height, found_width) == (height, width):
        return image
    size = f"expected {width} x {height} pixels (width x height), found {found_width} x {found_height}"
    if found_height < height or found_width < width:
        raise DataError(f"{file_label(path)}: {size}; images are shrunk but never enlarged: use a larger one")
    stretch = found_height * width / (found_width * height)
    if max(stretch, 1 / stretch) > 1 + MAX_STRETCH:
        raise DataError(f"{file_label(path)}: {size}; to be shrunk it must have the same proportions: crop it first")
    return average_areas(image, height, width)
