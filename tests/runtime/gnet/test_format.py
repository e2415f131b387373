"""FORMAT.md is right: a reader written from it alone, without the project's code, agrees with the real one."""

import hashlib
import math
import re
import struct
import zlib
from pathlib import Path

import msgpack
import numpy as np
import pytest
from gnet_samples import SAMPLES, empty_graph, sample_bytes
from op_reference import reference

from graphnet.runtime import gnet
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps
from graphnet.runtime.gnet.wire import limits

TEXT = Path(gnet.__file__).with_name("FORMAT.md").read_text()


def read_by_the_book(file: bytes):
    """Header and tensors of a file, by the words of FORMAT.md."""
    magic, major, minor, flags, header_length, file_length, digest, crc = struct.unpack("<8sHHIIQ32sI", file[:64])
    assert magic == bytes.fromhex(re.search(r"`(89 47[0-9a-f ]+)`", TEXT)[1])
    assert (major, minor, flags, file_length, crc) == (1, 0, 0, len(file), zlib.crc32(file[:60]))
    header = file[64:64 + header_length]
    assert digest == hashlib.sha256(header).digest()
    at, tensors, used = 64 + header_length, {}, 64 + header_length
    plain = msgpack.unpackb(header)
    assert msgpack.packb(plain) == header
    for name, dtype, shape, _, crc in plain["tensors"]:
        at += -at % 64
        assert not any(file[used:at])
        used = at + math.prod(shape) * (1 if dtype == "bool" else int(re.search(r"\d+$", dtype)[0]) // 8)
        assert zlib.crc32(file[at:used]) == crc
        tensors[name] = np.frombuffer(file[at:used], np.dtype(dtype).newbyteorder("<")).reshape(shape)
        at = used
    at += -at % 64 if not tensors else 0
    assert at == len(file)
    return plain, tensors


@pytest.mark.parametrize("name", SAMPLES)
def test_a_reader_by_the_book_reads_every_sample(name):
    contents = SAMPLES[name]()
    plain, tensors = read_by_the_book(sample_bytes(name))
    assert list(plain) == re.findall(r"^\| `(\w+)` \| ", TEXT.split("### Header")[1].split("### Tensors")[0], re.M)
    assert list(plain["graph"]) == re.findall(r"^\| `(\w+)` \| ", TEXT.split("## The graph")[1].split("- **Values")[0],
                                              re.M)
    assert (plain["train"], plain["meta"]) == (contents.train, contents.meta)
    for key, tensor in contents.tensors.items():
        assert tensors[key].tobytes() == np.asarray(tensor.array).tobytes()
        assert tensors[key].shape == tensor.array.shape


def test_a_file_of_nothing_is_read_by_the_book():
    plain, tensors = read_by_the_book(dumps(Contents(empty_graph(), {})))
    assert not tensors
    assert plain["graph"]["name"] == ""


def test_the_example_is_what_the_writer_writes():
    dump = re.search(r"```\n(0000  .*?)```", TEXT, re.S)[1]
    example = bytes.fromhex("".join(line[6:53] for line in dump.splitlines()))
    assert example == dumps(Contents(empty_graph(), by_name([Tensor("a", "const", np.float32([1, 2]))])))


@pytest.mark.parametrize(("row", "value"), [
    ("header | 16 MiB", limits.HEADER_BYTES == 16 << 20),
    ("a str or bin | 65,536 bytes", limits.STRING_BYTES == 65_536),
    ("items of an array, pairs of a map | 65,536", limits.ARRAY_ITEMS == 65_536),
    ("arrays and maps in the header | 524,288", limits.CONTAINERS == 524_288),
    ("map values in the header | 2,097,152", limits.VALUES == 2_097_152),
    ("within one another | 16 (", limits.DEPTH == 16),
    ("states, outputs each | 65,536", limits.TENSORS == limits.NODES == 65_536),
    ("dims of a shape | 16", limits.RANK == 16), ("inferred type | 2^48", limits.EXTENT == 2**48),
    ("by default 16 GiB", limits.MEMORY == 16 << 30), ("a str of 1 to 255 bytes", limits.SYMBOL_BYTES == 255),
])
def test_the_limits_in_the_text_are_those_of_the_code(row, value):
    assert row in TEXT
    assert value


def test_the_reference_of_the_ops_is_what_the_classes_say():
    """After a change: python tests/support/op_reference.py > runtime/gnet/OPS.md."""
    path = Path(gnet.__file__).with_name("OPS.md")
    assert path.read_text() == reference()
