import io
import zipfile

import numpy as np
import pytest
from cut_sample import choose_balanced, cut_sample, main, pack_npz

from graphnet.compiler.errors import DataError
from graphnet.data.files.idx import write_idx

SMALL = ["--train-per-class", "2", "--test-per-class", "1"]


def test_the_choice_is_balanced_sorted_and_repeatable():
    labels = np.random.default_rng(0).integers(0, 4, 200)
    chosen = choose_balanced(labels, 7, seed=3)
    np.testing.assert_array_equal(np.bincount(labels[chosen]), [7, 7, 7, 7])
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, choose_balanced(labels, 7, seed=3))
    assert not np.array_equal(chosen, choose_balanced(labels, 7, seed=4))


def test_the_choice_is_pinned():
    # Whatever NumPy does in later versions, the bundled sample must come out the same.
    labels = np.arange(30) % 3
    np.testing.assert_array_equal(choose_balanced(labels, 2, seed=0), [1, 3, 11, 13, 20, 21])


def test_too_few_samples_of_a_class():
    with pytest.raises(DataError, match="class 1: expected 3 samples or more, found 2"):
        choose_balanced(np.array([0, 0, 0, 1, 1]), 3, seed=0)


def test_a_sample_holds_images_with_their_own_labels(tmp_path, tiny):
    arrays = cut_sample(tiny.write(tmp_path / "idx"), train_per_class=2, test_per_class=1)
    assert {name: array.shape for name, array in arrays.items()} == {
        "x_train": (20, 28, 28),
        "y_train": (20,),
        "x_test": (10, 28, 28),
        "y_test": (10,),
    }
    images, labels, *_ = tiny.arrays.values()
    positions = [int(np.flatnonzero((images == image).all(axis=(1, 2)))[0]) for image in arrays["x_train"]]
    assert positions == sorted(positions)
    np.testing.assert_array_equal(labels[positions], arrays["y_train"])
    np.testing.assert_array_equal(np.bincount(arrays["y_train"]), [2] * 10)
    np.testing.assert_array_equal(np.bincount(arrays["y_test"]), [1] * 10)


def test_packing_is_plain_npz_without_time_or_machine():
    arrays = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": np.arange(3, dtype=np.uint8)}
    content = pack_npz(arrays)
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        assert archive.files == ["a", "b"]
        np.testing.assert_array_equal(archive["a"], arrays["a"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.create_system, entry.compress_type) == (3, zipfile.ZIP_DEFLATED)


def test_cutting_again_gives_the_same_bytes(tmp_path, tiny, capsys):
    packed, plain = tiny.write(tmp_path / "packed"), tiny.write(tmp_path / "plain", packed=False)
    assert main([str(packed), "--output", str(tmp_path / "one.npz"), *SMALL]) == 0
    assert main([str(plain), "--output", str(tmp_path / "two.npz"), *SMALL]) == 0
    assert main([str(plain), "--output", str(tmp_path / "three.npz"), *SMALL, "--seed", "1"]) == 0
    one, two, three = ((tmp_path / f"{name}.npz").read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one != three
    assert "x_train: uint8 (20, 28, 28), SHA-256 of the items " in capsys.readouterr().out


def test_a_failure_keeps_the_old_sample(tmp_path, tiny, capsys):
    directory = tiny.write(tmp_path / "idx")
    output = tmp_path / "sample.npz"
    output.write_bytes(b"old")
    assert main([str(directory), "--output", str(output), "--train-per-class", "7"]) == 1
    assert "error: class 0: expected 7 samples or more, found 6" in capsys.readouterr().err
    write_idx(directory / "t10k-labels-idx1-ubyte.gz", np.zeros(3, np.uint8))
    assert main([str(directory), "--output", str(output), *SMALL]) == 1
    assert "holds 30 samples" in capsys.readouterr().err
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--train-per-class", "0"], ["--test-per-class", "x"]])
def test_misuse_exits_with_two(option, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["somewhere", *option])
    assert caught.value.code == 2
    assert "is not a whole number of" in capsys.readouterr().err
