import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from graphnet.compiler.errors import DataError
from graphnet.data import load_mnist, read_image, read_samples, scale_pixels

SHAPE = (1, 28, 28)
DIGIT = np.random.default_rng(7).integers(0, 256, (28, 28), dtype=np.uint8)


def save(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(suffix, mode) for suffix in (".png", ".bmp", ".webp", ".ppm") for mode in ("L", "RGB", "RGBA")]
    + [(".png", "LA")],
)
def test_a_grey_image_is_exactly_what_training_saw(tmp_path, suffix, mode):
    path = save(tmp_path / f"a{suffix}", DIGIT, mode, **({"lossless": True} if suffix == ".webp" else {}))
    image = read_image(path, SHAPE)
    assert (image.shape, image.dtype) == (SHAPE, np.float32)
    np.testing.assert_array_equal(image[0], scale_pixels(DIGIT))


def test_a_digit_of_the_data_set_survives_the_way_through_a_file(tmp_path):
    digit = load_mnist().x_test[:1]
    path = save(tmp_path / "digit.png", np.rint(digit[0, 0] * 255).astype(np.uint8))
    np.testing.assert_array_equal(read_samples(path, SHAPE), digit)


def test_the_content_decides_not_the_name(tmp_path):
    path = save(tmp_path / "a.npy", DIGIT, format="PNG")
    np.testing.assert_array_equal(read_image(path, SHAPE)[0], scale_pixels(DIGIT))
    np.save(tmp_path / "b.npy", DIGIT)
    (tmp_path / "b.npy").rename(tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png", SHAPE)[0], scale_pixels(DIGIT))


def test_jpeg_and_gif_are_read(tmp_path):
    smooth = np.add.outer(np.arange(28), np.arange(28)).astype(np.uint8) * 4
    jpeg = read_image(save(tmp_path / "a.jpg", smooth, quality=95), SHAPE)
    np.testing.assert_allclose(jpeg[0], scale_pixels(smooth), atol=0.02)
    gif = read_image(save(tmp_path / "a.gif", smooth), SHAPE)
    np.testing.assert_array_equal(gif[0], scale_pixels(smooth))


def test_black_and_white_and_sixteen_bits(tmp_path):
    black_white = read_image(save(tmp_path / "a.png", DIGIT > 127), SHAPE)
    np.testing.assert_array_equal(black_white[0], DIGIT > 127)
    deep = np.random.default_rng(0).integers(0, 1 << 16, (28, 28), dtype=np.uint16)
    save(tmp_path / "b.png", deep)
    (tmp_path / "b.pgm").write_bytes(b"P5 28 28 65535\n" + deep.astype(">u2").tobytes())
    for name in ("b.png", "b.pgm"):
        np.testing.assert_array_equal(read_image(tmp_path / name, SHAPE)[0], scale_pixels(deep))


def test_colour_becomes_rec_601_luma(tmp_path):
    colours = np.random.default_rng(3).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    image = read_image(save(tmp_path / "a.png", colours), SHAPE)
    expected = colours.astype(np.float64) @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(image[0], expected, atol=1e-6)


def test_a_model_of_colours_gets_colours(tmp_path):
    colours = np.random.default_rng(3).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    image = read_image(save(tmp_path / "a.png", colours), (3, 28, 28))
    np.testing.assert_array_equal(image, scale_pixels(colours).transpose(2, 0, 1))
    grey = read_image(save(tmp_path / "b.png", DIGIT), (3, 28, 28))
    np.testing.assert_array_equal(grey, [scale_pixels(DIGIT)] * 3)


@pytest.mark.parametrize("invert", [False, True])
def test_transparent_parts_are_background_either_way(tmp_path, invert):
    rgba = np.zeros((28, 28, 4), np.uint8)
    rgba[..., :3] = DIGIT[..., np.newaxis]
    rgba[:14, :, 3] = 255
    rgba[14:20, :, 3] = 51
    image = read_image(save(tmp_path / "a.png", rgba), SHAPE, invert=invert)[0]
    ink = 1 - scale_pixels(DIGIT) if invert else scale_pixels(DIGIT)
    np.testing.assert_array_equal(image[:14], ink[:14])
    np.testing.assert_allclose(image[14:20], 0.2 * ink[14:20], atol=1e-6)
    assert not image[20:].any()


def test_a_palette_with_a_transparent_colour(tmp_path):
    image = Image.frombytes("P", (28, 28), (DIGIT // 128).tobytes())
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(tmp_path / "a.png", transparency=1)
    assert not read_image(tmp_path / "a.png", SHAPE).any()


def test_a_photo_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # Orientation: shown rightly when turned by 90 degrees clockwise
    bars = np.zeros((56, 56), np.uint8)
    bars[:, :28] = 255
    path = save(tmp_path / "a.jpg", bars, exif=exif, quality=95)
    upright = read_image(path, SHAPE)[0]
    np.testing.assert_allclose(upright[:13], 1, atol=0.02)
    np.testing.assert_allclose(upright[15:], 0, atol=0.02)


def test_a_larger_image_is_averaged(tmp_path):
    large = DIGIT.repeat(5, axis=0).repeat(5, axis=1)
    np.testing.assert_allclose(
        read_image(save(tmp_path / "a.png", large), SHAPE)[0], scale_pixels(DIGIT), atol=1e-6
    )
    nearly_square = np.full((300, 303), 51, np.uint8)
    np.testing.assert_allclose(read_image(save(tmp_path / "b.png", nearly_square), SHAPE), 0.2, rtol=1e-5)


def test_the_hidden_colour_of_transparent_pixels_does_not_bleed_when_averaging(tmp_path):
    rgba = np.full((56, 56, 4), 255, np.uint8)
    rgba[::2, :, :] = 0  # every other row is transparent, black underneath
    white = read_image(save(tmp_path / "a.png", rgba), SHAPE)
    np.testing.assert_allclose(white, 0.5, rtol=1e-6)
    rgba[::2, :, :3] = 200
    np.testing.assert_array_equal(read_image(save(tmp_path / "b.png", rgba), SHAPE), white)


def test_printers_colours_are_read(tmp_path):
    path = save(tmp_path / "a.jpg", np.full((28, 28, 3), 51, np.uint8), "CMYK", quality=95)
    np.testing.assert_allclose(read_image(path, SHAPE), 0.2, atol=0.02)


def test_other_sizes_are_refused_with_what_to_do(tmp_path):
    small = save(tmp_path / "small.png", DIGIT[:27])
    with pytest.raises(
        DataError, match=r"small.png: expected 28 x 28 pixels .* found 28 x 27; .* use a larger one"
    ):
        read_image(small, SHAPE)
    wide = save(tmp_path / "wide.png", np.zeros((300, 400), np.uint8))
    with pytest.raises(
        DataError, match="found 400 x 300; to be shrunk it must have the same proportions: crop"
    ):
        read_image(wide, SHAPE)
    tall = save(tmp_path / "tall.png", np.zeros((400, 300), np.uint8))
    with pytest.raises(DataError, match="found 300 x 400; to be shrunk"):
        read_image(tall, SHAPE)


def test_an_image_does_not_fit_a_model_of_something_else(tmp_path):
    path = save(tmp_path / "a.png", DIGIT)
    for shape in ((784,), (2, 28, 28)):
        with pytest.raises(DataError, match=r"expected a .npy file, as this model takes samples of shape"):
            read_samples(path, shape)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100), b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_neither_image_nor_array_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(
        DataError, match=r"a.png: expected a .npy file or an image \(PNG, JPEG, .*\), found neither"
    ):
        read_image(tmp_path / "a.png", SHAPE)


def test_missing_files_and_directories_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none.png: cannot be read: No such file or directory"):
        read_image(tmp_path / "none.png", SHAPE)
    with pytest.raises(DataError, match="found a directory"):
        read_image(tmp_path, SHAPE)


def test_a_cut_off_image_is_refused(tmp_path):
    path = save(tmp_path / "a.png", DIGIT)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"a.png: the image is damaged: "):
        read_image(path, SHAPE)


@pytest.mark.parametrize("side", [5_100, 9_500, 20_000])
def test_a_small_file_of_a_huge_image_is_refused_before_it_is_decoded(tmp_path, side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"never decoded"))
    with pytest.raises(DataError, match=r"bomb.png: expected 25,000,000 pixels or fewer"):
        read_image(tmp_path / "bomb.png", SHAPE)


def test_random_damage_never_escapes_as_another_error(tmp_path):
    rng = np.random.default_rng(11)
    path, refused = tmp_path / "a", 0
    for kind in ("PNG", "JPEG", "BMP", "GIF", "PPM", "WEBP"):
        content = np.frombuffer(
            save(path, DIGIT.repeat(2, 0).repeat(2, 1), format=kind).read_bytes(), np.uint8
        )
        for _ in range(40):
            damaged = content[: rng.integers(len(content) // 2, len(content) + 1)].copy()
            damaged[rng.integers(0, len(damaged), 3)] = rng.integers(0, 256, 3)
            path.write_bytes(damaged.tobytes())
            try:
                image = read_image(path, SHAPE)
            except DataError:
                refused += 1
            else:
                assert image.min() >= 0
                assert image.max() <= 1
    assert refused > 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floating_point_arrays_are_taken_as_they_are(tmp_path, dtype):
    values = np.linspace(-2, 3, 784).astype(dtype).reshape(SHAPE)
    np.save(tmp_path / "a.npy", values)
    samples = read_samples(tmp_path / "a.npy", SHAPE)
    assert (samples.shape, samples.dtype) == ((1, *SHAPE), np.float32)
    np.testing.assert_array_equal(samples[0], values.astype(np.float32))
    np.testing.assert_array_equal(read_image(tmp_path / "a.npy", SHAPE, invert=True), 1 - samples[0])


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (3, 28, 28), (3, 1, 28, 28)])
def test_one_sample_or_a_batch_with_or_without_the_channel(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(
        read_samples(tmp_path / "a.npy", SHAPE), scale_pixels(array).reshape(-1, *SHAPE)
    )


def test_arrays_for_models_of_vectors(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 784), np.float32))
    assert read_samples(tmp_path / "a.npy", (784,)).shape == (5, 784)
    np.save(tmp_path / "a.npy", np.ones(784, np.float32))
    assert read_samples(tmp_path / "a.npy", (784,)).shape == (1, 784)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((28, 27)), r"expected shape \(1, 28, 28\) or \(N, 1, 28, 28\), found \(28, 27\)"),
        (np.zeros((2, 3, 28, 28)), r"found \(2, 3, 28, 28\)"),
        (np.zeros(()), r"found \(\)"),
        (np.zeros((0, 1, 28, 28)), r"expected one sample or more, found none \(shape \(0, 1, 28, 28\)\)"),
        (np.zeros(SHAPE, np.int64), r"expected uint8 \(0 to 255\) or floating point .* found int64; convert"),
        (np.zeros(SHAPE, bool), "found bool"),
        (np.zeros(SHAPE, complex), "found complex128"),
        (np.full(SHAPE, np.nan), "expected finite values"),
        (np.full(SHAPE, 1e300), "expected finite values, found NaN, infinity or more than float32 can hold"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, array, text):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=f"a.npy: .*{text}"):
        read_samples(tmp_path / "a.npy", SHAPE)


def test_the_shape_of_a_vector_is_spelt_out(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    with pytest.raises(DataError, match=r"expected shape \(784,\) or \(N, 784\), found \(2, 3\)"):
        read_samples(tmp_path / "a.npy", (784,))


def test_read_image_wants_one_sample(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, *SHAPE)))
    with pytest.raises(DataError, match=r"expected one sample of shape \(1, 28, 28\), found 3"):
        read_image(tmp_path / "a.npy", SHAPE)
