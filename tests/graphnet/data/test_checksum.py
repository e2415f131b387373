import gzip
import hashlib
import tracemalloc

import pytest

from graphnet.compiler.errors import DataError
from graphnet.data.mnist.checksum import check_packed
from graphnet.data.mnist.mnist_files import IdxFile

CONTENT = bytes(range(256)) * 1000
FILE = IdxFile("digits", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize("level", [0, 1, 9])
def test_takes_the_right_content_however_it_is_packed(level):
    check_packed(gzip.compress(CONTENT, level, mtime=0), FILE)
    check_packed(gzip.compress(CONTENT[:70_000], level, mtime=0) + gzip.compress(CONTENT[70_000:], mtime=0), FILE)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "expected SHA-256 .* found e3b0c442.* of 0 bytes"),
        (CONTENT, r"is not a sound gzip file \(Not a gzipped file"),
        (b"<html></html>", "is not a sound gzip file"),
        (gzip.compress(CONTENT, mtime=0)[:-12], "is not a sound gzip file .*ended before the end-of-stream"),
        (gzip.compress(CONTENT, mtime=0) + b"more", "is not a sound gzip file"),
        (gzip.compress(CONTENT[:-1], mtime=0), "expected SHA-256 .* of 255,999 bytes"),
        (gzip.compress(CONTENT[:-1] + b"\0", mtime=0), "expected SHA-256 .* of 256,000 bytes"),
        (gzip.compress(CONTENT + b"\0", mtime=0), "expected 256,000 bytes unpacked, found more"),
    ],
)
def test_refuses_everything_else(body, text):
    with pytest.raises(DataError, match=text):
        check_packed(body, FILE)


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(bytes(100_000_000), mtime=0)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="expected 256,000 bytes unpacked, found more"):
            check_packed(bomb, FILE)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
