import pytest

from graphnet.compiler.errors import DataError
from graphnet.data.mnist.mnist_files import MNIST_FILES, TRAIN, find_idx_files


def test_the_table_has_the_sizes_that_the_shapes_give():
    sizes = [file.size for file in MNIST_FILES]
    assert sizes == [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in MNIST_FILES)


def test_unpacked_files_win_over_packed_ones(tmp_path):
    for file in MNIST_FILES:
        (tmp_path / file.packed_name).touch()
    (tmp_path / TRAIN.labels.name).touch()
    found = find_idx_files(tmp_path)
    assert list(found) == list(MNIST_FILES)
    assert found[TRAIN.labels].name == "train-labels-idx1-ubyte"
    assert found[TRAIN.images].name == "train-images-idx3-ubyte.gz"


def test_the_spelling_with_a_dot_is_known(tmp_path):
    for file, suffix in zip(MNIST_FILES, ("", ".gz", "", ".gz"), strict=True):
        (tmp_path / (file.name.replace("-idx", ".idx") + suffix)).touch()
    assert find_idx_files(tmp_path)[TRAIN.labels].name == "train-labels.idx1-ubyte.gz"


def test_a_folder_of_such_a_name_is_no_file(tmp_path):
    """As some archives leave them: a folder of the file's name beside the file, or around it."""
    for file in MNIST_FILES:
        (tmp_path / file.name).mkdir()
        (tmp_path / file.packed_name).mkdir()
        (tmp_path / file.name.replace("-idx", ".idx")).touch()
    assert [path.name for path in find_idx_files(tmp_path).values()] == [
        file.name.replace("-idx", ".idx") for file in MNIST_FILES]
    (tmp_path / "train-images.idx3-ubyte").unlink()
    with pytest.raises(DataError, match=r"missing: train-images-idx3-ubyte\.gz; found: t10k-images-idx3-ubyte, "):
        find_idx_files(tmp_path)


def test_says_what_is_missing_and_what_is_there(tmp_path):
    (tmp_path / TRAIN.images.name).touch()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError) as caught:
        find_idx_files(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected the four IDX files of MNIST, packed (.gz) or not; "
        "missing: train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz; "
        "found: notes.txt, train-images-idx3-ubyte"
    )


def test_a_long_listing_is_shortened_and_an_empty_one_is_said(tmp_path):
    with pytest.raises(DataError, match=r"found: nothing$"):
        find_idx_files(tmp_path)
    for number in range(11):
        (tmp_path / f"{number:02}.txt").touch()
    with pytest.raises(DataError, match=r"found: 00\.txt, .*07\.txt and 3 more$"):
        find_idx_files(tmp_path)


def test_a_directory_that_is_not_one(tmp_path):
    with pytest.raises(DataError, match="none: cannot be listed: No such file or directory"):
        find_idx_files(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: cannot be listed: "):
        find_idx_files(tmp_path / "file")
