from pathlib import Path

import numpy as np
import pytest

from graphnet import ArgumentError, DataError
from graphnet.data import cut_streams, decode_text, encode_text, load_text, make_tales


@pytest.mark.parametrize("text", ["", "plain\n\ttext", "Grüße, 東京 🦊"])
def test_every_text_survives_the_round_trip(text: str) -> None:
    numbers = encode_text(text)
    assert numbers.dtype == np.int64
    assert decode_text(numbers) == text


def test_what_is_no_text_is_shown_as_such() -> None:
    assert decode_text(np.array([65, 0xFF, 27, 7, 66, 0])) == "A���B�"  # bad UTF-8, escape, bell, NUL


def test_half_a_character_is_refused() -> None:
    with pytest.raises(DataError, match="the text cannot be encoded: surrogates not allowed at character 1"):
        encode_text("a\ud800")


def test_a_file_is_split_in_order(tmp_path: Path) -> None:
    path = tmp_path / "poem.txt"
    text = "abcdefghij" * 20
    path.write_text(text)
    data = load_text(path)
    assert (data.name, data.source) == ("poem.txt", f"the text {path}")
    assert decode_text(data.x_train) == text[:179]
    assert decode_text(data.y_train) == text[1:180]
    assert decode_text(data.x_test) == text[180:-1]
    assert decode_text(data.y_test) == text[181:]
    assert len(data.classes) == 256
    assert data.classes[ord("a")] == "a"


def test_without_a_file_it_is_the_tales() -> None:
    data = load_text()
    assert data.name == "tales"
    assert decode_text(data.x_train[:500]) == make_tales(500)
    assert (len(data.x_train), len(data.x_test)) == (107_999, 11_999)


def test_files_that_are_no_use_are_refused(tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("too short")
    with pytest.raises(DataError, match=r"short\.txt: expected a text to learn from, found 9 bytes"):
        load_text(short)
    with pytest.raises(DataError, match=r"nowhere\.txt: cannot be read: No such file"):
        load_text(tmp_path / "nowhere.txt")
    with pytest.raises(DataError, match="expected a regular file, found a directory"):
        load_text(tmp_path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate((1 << 28) + 1)
    with pytest.raises(DataError, match="expected 268,435,456 bytes or fewer, found 268,435,457; take a part"):
        load_text(huge)


@pytest.mark.parametrize(("length", "streams", "steps"), [(24, 3, 4), (25, 2, 3), (7, 1, 7), (100, 8, 5)])
def test_each_row_goes_on_in_the_next_batch(length: int, streams: int, steps: int) -> None:
    samples = cut_streams(np.arange(length), streams, steps)
    batches = length // (streams * steps)
    assert samples.shape == (batches * streams, steps)
    rows = samples.reshape(batches, streams, steps).swapaxes(0, 1).reshape(streams, -1)  # what each row reads
    np.testing.assert_array_equal(rows.ravel(), np.arange(batches * streams * steps))


def test_a_sequence_may_have_features() -> None:
    sequence = np.arange(24).reshape(12, 2)
    np.testing.assert_array_equal(cut_streams(sequence, 2, 3)[2], sequence[3:6])
    np.testing.assert_array_equal(cut_streams(sequence, 2, 3)[1], sequence[6:9])


def test_a_sequence_that_is_too_short_is_refused() -> None:
    with pytest.raises(DataError, match="a sequence of 11 is too short for 3 streams of 4 steps: give a longer one"):
        cut_streams(np.arange(11), 3, 4)
    with pytest.raises(ArgumentError, match="cut_streams: steps is 0, but it must be a whole number ≥ 1"):
        cut_streams(np.arange(11), 3, 0)


@pytest.mark.parametrize(("numbers", "got"), [
    ([72, 256], "int64 from 72 to 256"), (np.array([-1]), "int64 from -1 to -1"), ([0.5], r"float64 from 0\.5 to 0\.5"),
])
def test_numbers_that_are_no_text_are_refused(numbers: object, got: str) -> None:
    with pytest.raises(DataError, match=f"^numbers of a text are whole and go from 0 to 255, got {got}; of outputs "):
        decode_text(numbers)


def test_what_is_no_string_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"encode_text: text is b'ab', but it must be a string; bytes\.decode\(\)"):
        encode_text(b"ab")  # type: ignore[arg-type]


def test_lists_are_taken() -> None:
    assert decode_text([72, 105]) == "Hi"
    assert decode_text([]) == ""
    assert cut_streams([1, 2, 3, 4], streams=2, steps=1).tolist() == [[1], [3], [2], [4]]


def test_a_set_of_data_says_what_is_in_it() -> None:
    assert repr(load_text()) == ("<Dataset tales: int64 (107999,) + int64 (11999,), 256 classes, of graphnet's own "
                                 "tales>")
