import io
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from graphnet.compiler.errors import DataError
from graphnet.data.files.npy import read_npy

PLAIN = "{'descr': '<f4', 'fortran_order': False, 'shape': %s}"


def npy(header: str, data: bytes = bytes(24), version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin1") + b"\n"
    return (
        b"\x93NUMPY"
        + bytes(version)
        + struct.pack("<H" if version == (1, 0) else "<I", len(text))
        + text
        + data
    )


@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f4", "<f8", ">i2", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_reads_what_numpy_saves(tmp_path, dtype, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    again = read_npy(tmp_path / "a.npy")
    assert again.dtype == array.dtype.newbyteorder("=")
    assert again.flags.writeable
    np.testing.assert_array_equal(again, array)


def test_reads_format_two_and_headers_of_python_two(tmp_path):
    (tmp_path / "a").write_bytes(npy(PLAIN % "(2, 3)", version=(2, 0)))
    assert read_npy(tmp_path / "a").shape == (2, 3)
    (tmp_path / "a").write_bytes(npy(PLAIN % "(2L, 3L)"))
    assert read_npy(tmp_path / "a").shape == (2, 3)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "expected a sound .npy file: EOF"),
        (
            b"not an array, but long enough to be one",
            "expected a sound .npy file: the magic string is not correct",
        ),
        (npy(PLAIN % "(2, 3)", version=(3, 0)), r"its format version is \(3, 0\), known are 1.0 and 2.0"),
        (
            npy(PLAIN % "(2, 3)", bytes(23)),
            r"expected 24 bytes of data \(shape \(2, 3\), float32\), found 23; the",
        ),
        (npy(PLAIN % "(2, 3)", bytes(25)), "expected 24 bytes of data .* found 25"),
        (npy(PLAIN % "(-2, -3)"), r"shape \(-2, -3\)"),
        (npy(PLAIN % "(1099511627776, 1099511627776)"), "expected 4,835,703,278,458,516,698,824,704 bytes"),
        (npy(PLAIN % "(0, 9223372036854775807, 9223372036854775807)", b""), "expected a sound .npy file: "),
        (npy(PLAIN % "(True, 6)"), "expected a sound .npy file: "),
        (npy(PLAIN % "(1 << 40,)"), "expected a sound .npy file: "),
        (
            npy(PLAIN.replace("<f4", "|O") % "(3,)"),
            "it holds Python objects, which could run code when loaded",
        ),
        (npy(PLAIN.replace("<f4", "junk") % "(3,)"), "expected a sound .npy file: .*descr"),
        (npy("__import__('os').system('false')"), "expected a sound .npy file: "),
        (npy("(" * 300), "expected a sound .npy file: "),
        (npy("-" * 9000 + "1"), "expected a sound .npy file: Header info length"),
        (npy("-" * 900 + "1"), "expected a sound .npy file: "),
        (npy("'''"), "expected a sound .npy file: "),
        (npy(PLAIN % "(2, 3)")[:30], "expected a sound .npy file: EOF"),
    ],
)
def test_refuses_everything_else(tmp_path, content, text):
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=text) as caught:
        read_npy(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_never_unpickles(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    for name, content in {"a": pickle.dumps(Trap()), "b": _saved(np.array([Trap()], dtype=object))}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=r"expected a sound .npy file"):
            read_npy(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def _saved(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def test_a_header_that_promises_much_allocates_little(tmp_path):
    (tmp_path / "a").write_bytes(npy(PLAIN % "(250000000,)"))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="expected 1,000,000,000 bytes of data"):
            read_npy(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_can_be_set(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(100))
    with pytest.raises(DataError, match="expected 900 bytes or fewer, found 928; split the file"):
        read_npy(tmp_path / "a.npy", limit=900)
