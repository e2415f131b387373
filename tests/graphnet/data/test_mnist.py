import hashlib
import os
import re
from importlib import resources
from pathlib import Path

import cut_sample
import numpy as np
import pytest

from graphnet.compiler.errors import DataError
from graphnet.data import load_mnist
from graphnet.data.files.idx import write_idx
from graphnet.data.mnist import load as mnist


def check_is(dataset, tiny):
    """The data set holds the tiny set's arrays, scaled and cast as promised."""
    images, labels, test_images, test_labels = tiny.arrays.values()
    assert dataset.x_train.shape == (60, 1, 28, 28)
    assert dataset.x_train.dtype == dataset.x_test.dtype == np.float32
    assert dataset.y_train.dtype == dataset.y_test.dtype == np.int64
    np.testing.assert_array_equal(dataset.x_train[:, 0], images / np.float32(255))
    np.testing.assert_array_equal(dataset.x_test[:, 0], test_images / np.float32(255))
    np.testing.assert_array_equal(dataset.y_train, labels)
    np.testing.assert_array_equal(dataset.y_test, test_labels)
    assert dataset.classes == tuple("0123456789")


@pytest.mark.parametrize("packed", [True, False])
def test_the_given_directory_comes_first(tmp_path, cache, tiny, packed):
    (cache / "mnist").mkdir(parents=True)
    (cache / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"never read")
    directory = tiny.write(tmp_path / "idx", packed)
    dataset = load_mnist(directory)
    check_is(dataset, tiny)
    assert dataset.name == "mnist"
    assert dataset.source == f"IDX files in {directory}"


def test_another_set_in_the_same_form_is_not_called_mnist(tmp_path, tiny):
    directory = tiny.write(tmp_path / "idx")
    write_idx(directory / "t10k-labels-idx1-ubyte.gz", np.zeros(30, np.uint8))
    dataset = load_mnist(directory)
    assert dataset.name == "mnist-like"
    assert dataset.source == f"IDX files in {directory} (checksums differ from MNIST's)"
    assert not dataset.y_test.any()


def test_a_given_directory_without_the_files_is_an_error_even_with_a_good_cache(tmp_path, cache, tiny):
    tiny.write(cache / "mnist")
    with pytest.raises(DataError, match=r"missing: train-images-idx3-ubyte.gz, .*found: cache$"):
        load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("name", "array", "text"),
    [
        ("train-images-idx3-ubyte", np.zeros((60, 32, 32), np.uint8), r"found uint8 \(60, 32, 32\)"),
        ("train-images-idx3-ubyte", np.zeros((60, 28, 28), np.float32), r"uint8 images .* found float32"),
        ("train-images-idx3-ubyte", np.zeros((59, 28, 28), np.uint8), "holds 59 samples, .* holds 60 labels"),
        (
            "train-labels-idx1-ubyte",
            np.zeros((60, 10), np.uint8),
            r"labels of shape \(N,\), found uint8 \(60, 10\)",
        ),
        ("train-labels-idx1-ubyte", np.zeros(60, np.int32), r"expected uint8 labels .* found int32"),
        ("t10k-labels-idx1-ubyte", np.full(30, 26, np.uint8), "expected labels from 0 to 9, found 26"),
    ],
)
def test_refuses_files_of_another_kind(tmp_path, tiny, name, array, text):
    directory = tiny.write(tmp_path / "idx", packed=False)
    write_idx(directory / name, array)
    with pytest.raises(DataError, match=text) as caught:
        load_mnist(directory)
    assert name in str(caught.value)


def test_refuses_an_empty_set(tmp_path, tiny):
    directory = tiny.write(tmp_path / "idx", packed=False)
    write_idx(directory / "train-images-idx3-ubyte", np.zeros((0, 28, 28), np.uint8))
    write_idx(directory / "train-labels-idx1-ubyte", np.zeros(0, np.uint8))
    with pytest.raises(
        DataError, match=r"expected uint8 images of shape \(N, 28, 28\), found uint8 \(0, 28, 28\)"
    ):
        load_mnist(directory)


def test_a_complete_cache_is_used(tmp_path, cache, tiny):
    tiny.write(cache / "mnist")
    tiny.write(tmp_path / "other" / "mnist")
    for dataset, directory in (
        (load_mnist(), cache / "mnist"),
        (load_mnist(cache_dir=tmp_path / "other"), tmp_path / "other" / "mnist"),
    ):
        check_is(dataset, tiny)
        assert (dataset.name, dataset.source) == ("mnist", f"cache {directory}")


def test_an_incomplete_cache_is_not_used_and_the_source_says_so(cache, tiny):
    directory = tiny.write(cache / "mnist")
    (directory / "t10k-labels-idx1-ubyte.gz").unlink()
    dataset = load_mnist()
    assert dataset.name == "mnist-sample"
    assert dataset.source == (
        f"the bundled sample mnist_sample.npz (the cache {directory} lacks t10k-labels-idx1-ubyte.gz; "
        "the full set: graphnet data download mnist)"
    )


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda content: content[:-20], "gzip data is cut off"),
        (lambda content: b"<html>not found</html>", "this is not an IDX file"),
        (lambda content: b"", "expected an IDX header"),
    ],
)
def test_a_damaged_cache_is_an_error_that_tells_how_to_repair_it(cache, tiny, damage, text):
    path = tiny.write(cache / "mnist") / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        DataError, match=f"{text}.*; repair the cache with: graphnet data download mnist$"
    ) as caught:
        load_mnist()
    assert str(caught.value).startswith(f"{path}: ")


def test_a_cache_with_sound_files_of_other_content_is_damaged(cache, tiny):
    path = tiny.write(cache / "mnist") / "t10k-labels-idx1-ubyte.gz"
    write_idx(path, np.zeros(30, np.uint8))
    with pytest.raises(
        DataError, match=r"expected unpacked SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}; repair"
    ):
        load_mnist()


def test_without_a_cache_the_sample_is_used():
    dataset = load_mnist()
    assert dataset.name == "mnist-sample"
    assert dataset.source == (
        "the bundled sample mnist_sample.npz (the full set: graphnet data download mnist)"
    )
    assert dataset.x_train.shape == (10_000, 1, 28, 28)
    assert dataset.x_test.shape == (2_000, 1, 28, 28)
    assert dataset.x_train.min() == dataset.x_test.min() == 0
    assert dataset.x_train.max() == dataset.x_test.max() == 1
    np.testing.assert_array_equal(np.bincount(dataset.y_train), [1000] * 10)
    np.testing.assert_array_equal(np.bincount(dataset.y_test), [200] * 10)


def test_without_a_home_the_sample_is_used(monkeypatch):
    def homeless() -> Path:
        raise DataError("no home directory to keep a cache in")

    monkeypatch.setattr(mnist, "cache_root", homeless)
    assert load_mnist().source == "the bundled sample mnist_sample.npz (no home directory to keep a cache in)"


def test_the_note_beside_the_sample_tells_the_truth():
    folder = resources.files("graphnet.data.mnist")
    content = folder.joinpath("mnist_sample.npz").read_bytes()
    note = folder.joinpath("mnist_sample.md").read_text(encoding="utf-8")
    assert 1_500_000 < len(content) < 2_500_000
    assert f"SHA-256 of the file: `{hashlib.sha256(content).hexdigest()}`" in note
    with (
        resources.as_file(folder.joinpath("mnist_sample.npz")) as path,
        np.load(path, allow_pickle=False) as archive,
    ):
        for key in ("x_train", "y_train", "x_test", "y_test"):
            digest = hashlib.sha256(archive[key].tobytes()).hexdigest()
            assert re.search(rf"\| `{key}` \|.*\| `{digest}` \|", note), key
    for words in (
        "Yann LeCun",
        "Corinna Cortes",
        "Christopher J.C. Burges",
        "creativecommons.org/licenses/by-sa/3.0",
    ):
        assert words in note


def test_no_test_digit_of_the_sample_is_among_its_training_digits():
    dataset = load_mnist()
    train = {image.tobytes() for image in dataset.x_train}
    assert len(train) == len(dataset.x_train)
    assert not any(image.tobytes() in train for image in dataset.x_test)


@pytest.mark.parametrize("content", [b"", b"no zip file", b"PK\x03\x04" + bytes(40)])
def test_a_damaged_sample_is_an_error_that_says_what_to_do(tmp_path, monkeypatch, content):
    (tmp_path / "mnist_sample.npz").write_bytes(content)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(
        DataError, match=r"the bundled sample mnist_sample\.npz cannot be read .*; install graphnet"
    ):
        load_mnist()


def test_a_missing_sample_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match=r"No such file.*; install graphnet again"):
        load_mnist()


@pytest.mark.slow
def test_the_full_set_is_known_and_cuts_to_the_bundled_sample():
    directory = os.environ.get("GRAPHNET_MNIST_DIR")
    if not directory:
        pytest.skip("set GRAPHNET_MNIST_DIR to a directory with the full set to run this")
    dataset = load_mnist(directory)
    assert (dataset.name, len(dataset.x_train), len(dataset.x_test)) == ("mnist", 60_000, 10_000)
    content = resources.files("graphnet.data.mnist").joinpath("mnist_sample.npz").read_bytes()
    assert cut_sample.pack_npz(cut_sample.cut_sample(directory)) == content
