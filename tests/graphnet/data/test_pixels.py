import numpy as np
import pytest

from graphnet import DataError
from graphnet.data.images.pixels import scale_pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_range_becomes_zero_to_exactly_one(dtype):
    pixels = np.array([[0, 51, np.iinfo(dtype).max]], dtype)
    scaled = scale_pixels(pixels)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, pixels.astype(np.float32) / np.float32(np.iinfo(dtype).max))
    assert scaled[0, 0] == 0
    assert scaled[0, 2] == 1
    assert pixels[0, 1] == 51


def test_scaling_back_gives_every_pixel_value():
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(np.rint(scale_pixels(pixels) * 255), pixels)


@pytest.mark.parametrize("pixels", [[0, 255], np.array([0, 255]), np.array([0.0, 1.0]), np.array([True])])
def test_what_has_no_largest_value_is_refused(pixels):
    text = r"^pixels must be uint8 or uint16, whose largest value becomes 1, got \w+: give np\.asarray"
    with pytest.raises(DataError, match=text):
        scale_pixels(pixels)


def test_what_is_no_array_is_refused():
    with pytest.raises(DataError, match="pixels is None, but it must be an array"):
        scale_pixels(None)
