import numpy as np
import pytest

from graphnet.data.images.resample import average_areas


def test_whole_ratios_are_block_means():
    image = np.random.default_rng(0).random((3, 12, 8), dtype=np.float32)
    expected = image.reshape(3, 4, 3, 4, 2).mean(axis=(2, 4))
    result = average_areas(image, 4, 4)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_a_pixel_that_is_cut_counts_by_its_parts():
    image = np.array([[[0.0, 3.0, 6.0]]], np.float32)
    # Each new pixel covers 1.5 old ones: (1 * 0 + 0.5 * 3) / 1.5 and (0.5 * 3 + 1 * 6) / 1.5.
    np.testing.assert_allclose(average_areas(image, 1, 2), [[[1.0, 5.0]]], rtol=1e-6)


@pytest.mark.parametrize("size", [(28, 28), (29, 31), (57, 100), (280, 280), (1000, 997)])
def test_constants_stay_and_the_mean_is_kept(size):
    constant = np.full((1, *size), 0.25, np.float32)
    np.testing.assert_allclose(average_areas(constant, 28, 28), 0.25, rtol=1e-6)
    image = np.random.default_rng(1).random((1, *size), dtype=np.float32)
    result = average_areas(image, 28, 28)
    assert result.shape == (1, 28, 28)
    np.testing.assert_allclose(result.mean(), image.mean(dtype=np.float64), rtol=1e-5)
    assert image.min() <= result.min() <= result.max() <= image.max()
