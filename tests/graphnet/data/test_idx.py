import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graphnet.compiler.errors import DataError
from graphnet.data.files.idx import encode_idx, idx_digest, read_idx, read_pair, write_idx

GOOD = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(6))  # uint8 2 x 3
CODES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("code", "dtype"), CODES.items())
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_every_dtype_in_native_order(tmp_path, code, dtype, pack):
    values = np.array([[-3, 0, 100], [7, 2, -1]]).astype(dtype)
    content = bytes([0, 0, code, 2]) + struct.pack(">II", 2, 3) + values.tobytes()
    array = read_idx(write(tmp_path / "a.idx", pack(content)))
    assert array.dtype == np.dtype(dtype).newbyteorder("=")
    assert array.dtype.isnative
    assert array.flags.writeable
    np.testing.assert_array_equal(array, values)


def test_the_content_decides_whether_a_file_is_packed(tmp_path):
    plain_named_gz = write(tmp_path / "a.gz", GOOD)
    packed_named_plain = write(tmp_path / "b", gzip.compress(GOOD, mtime=0))
    np.testing.assert_array_equal(read_idx(plain_named_gz), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(read_idx(packed_named_plain), [[0, 1, 2], [3, 4, 5]])


def test_a_gzip_file_of_several_members_is_one_file(tmp_path):
    path = write(tmp_path / "a.gz", gzip.compress(GOOD[:9], mtime=0) + gzip.compress(GOOD[9:]))
    np.testing.assert_array_equal(read_idx(path), [[0, 1, 2], [3, 4, 5]])


@given(array=hnp.arrays(st.sampled_from(list(CODES.values())), hnp.array_shapes(max_dims=5, min_side=0)))
def test_encoding_then_reading_gives_the_array_back(array, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("idx") / "a", encode_idx(array))
    again = read_idx(path)
    assert again.shape == array.shape
    assert again.tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("name", ["a.idx", "a.idx.gz"])
def test_write_idx_packs_by_name_and_depends_on_the_array_alone(tmp_path, name):
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    write_idx(tmp_path / name, array)
    first = (tmp_path / name).read_bytes()
    write_idx(tmp_path / name, array)
    assert (tmp_path / name).read_bytes() == first
    assert (gzip.decompress(first) if name.endswith(".gz") else first) == GOOD
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_write_idx_takes_arrays_in_any_memory_order(tmp_path):
    array = np.asfortranarray(np.arange(12, dtype=np.int32).reshape(3, 4))[:, ::2]
    write_idx(tmp_path / "a", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_idx_digest_is_that_of_the_unpacked_file(tmp_path):
    import hashlib

    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert idx_digest(array) == hashlib.sha256(GOOD).hexdigest()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "expected an IDX header of 4 bytes or more, found 0"),
        (b"\0\0\x08", "expected an IDX header of 4 bytes or more, found 3"),
        (
            b"\x89PNG\r\n",
            r"expected the IDX magic 00 00, dtype \(08, .*, 0e\), .* found 89 50 4e 47; this is not",
        ),
        (b"\0\1" + GOOD[2:], "found 00 01 08 02; this is not an IDX file"),
        (b"\0\0\x0a" + GOOD[3:], "found 00 00 0a 02; this is not an IDX file"),
        (b"\0\0\x08\0", "expected 1 to 32 dimensions in the IDX header, found 0"),
        (b"\0\0\x08\x21" + bytes(33 * 4), "expected 1 to 32 dimensions in the IDX header, found 33"),
        (GOOD[:10], "expected 8 bytes of IDX dimensions, found 6"),
        (GOOD[:-1], r"expected 6 bytes of data \(2 x 3 uint8\), found 5; the file is cut off"),
        (GOOD + b"x", r"expected 6 bytes of data \(2 x 3 uint8\), found 7; the file has bytes after"),
        (gzip.compress(GOOD[:-1], mtime=0), r"expected 6 bytes of data \(2 x 3 uint8\), found 5; the file is cut off"),
        (gzip.compress(GOOD + b"x", mtime=0), r"expected 6 bytes .* found more; the file has bytes after"),
        (gzip.compress(GOOD, mtime=0)[:-9], "the gzip data is cut off; fetch or copy the file again"),
        (
            gzip.compress(GOOD, mtime=0)[:-8] + bytes(8),
            r"the gzip data is damaged \(CRC check failed .*\); fetch or copy",
        ),
        (gzip.compress(GOOD, mtime=0) + b"x", "the gzip data is damaged"),
        (b"\x1f\x8b\x08" + bytes(range(40)), "the gzip data is (damaged|cut off)"),
        (b"\0\0\x08\x04" + b"\xff" * 16, r"is over the limit of 2,147,483,648 bytes"),
        (b"\0\0\x08\x04" + bytes(4) + b"\xff" * 12, r"expected 0 bytes of data .* is over the limit"),
    ],
)
def test_refuses_what_is_not_a_sound_idx_file(tmp_path, content, text):
    path = write(tmp_path / "bad.idx", content)
    with pytest.raises(DataError, match=text) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_that_promises_much_allocates_little(tmp_path, pack):
    path = write(
        tmp_path / "bad.idx", pack(b"\0\0\x08\x01" + struct.pack(">I", 2_000_000_000) + bytes(100_000))
    )
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"expected 2,000,000,000 bytes .*found (100,000|at most)"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_not_unpacked_beyond_what_its_header_promises(tmp_path):
    path = write(tmp_path / "bomb.gz", gzip.compress(GOOD + bytes(50_000_000), mtime=0))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="found more; the file has bytes after its data"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_can_be_set(tmp_path):
    path = write(tmp_path / "a", GOOD)
    assert read_idx(path, limit=6).shape == (2, 3)
    with pytest.raises(DataError, match=r"expected 6 bytes .* over the limit of 5 bytes"):
        read_idx(path, limit=5)


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(DataError, match=r"none.idx: cannot be read: No such file or directory"):
        read_idx(tmp_path / "none.idx")
    with pytest.raises(DataError, match="expected a regular file, found a directory"):
        read_idx(tmp_path)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (
            np.zeros(3, np.int64),
            "IDX cannot hold dtype int64; it holds uint8, int8, int16, int32, float32, float64",
        ),
        (np.zeros(3, bool), "IDX cannot hold dtype bool"),
        (np.uint8(3) + np.zeros((), np.uint8), r"IDX cannot hold shape \(\): 1 to 32 dimensions"),
    ],
)
def test_refuses_to_write_what_idx_cannot_hold(tmp_path, array, text):
    (tmp_path / "a").write_bytes(b"precious")
    with pytest.raises(DataError, match=text):
        write_idx(tmp_path / "a", np.asarray(array))
    assert (tmp_path / "a").read_bytes() == b"precious"


def test_lists_are_arrays_too(tmp_path):
    with pytest.raises(DataError, match="IDX cannot hold dtype int64"):
        write_idx(tmp_path / "a.idx", [1, 2])
    write_idx(tmp_path / "a.idx", [0.5, 1])
    assert read_idx(tmp_path / "a.idx").tolist() == [0.5, 1.0]
    with pytest.raises(DataError, match="the array is None, but it must be an array"):
        write_idx(tmp_path / "a.idx", None)


def test_read_pair_names_both_files_and_counts(tmp_path):
    write_idx(tmp_path / "images", np.zeros((3, 2, 2), np.uint8))
    write_idx(tmp_path / "labels", np.zeros(4, np.uint8))
    with pytest.raises(DataError, match=r"images holds 3 samples, .*labels holds 4 labels; use two files of"):
        read_pair(tmp_path / "images", tmp_path / "labels")
    write_idx(tmp_path / "labels", np.array([1, 2, 3], np.uint8))
    images, labels = read_pair(tmp_path / "images", tmp_path / "labels")
    assert images.shape == (3, 2, 2)
    np.testing.assert_array_equal(labels, [1, 2, 3])
