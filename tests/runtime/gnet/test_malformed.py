"""Every way in which a file can be malformed, each with its own message. Headers are signed anew, so that the digest
does not hide the deeper checks."""

import io
import math
import re
import socket
import struct
import zlib
from pathlib import Path

import msgpack
import numpy as np
import pytest
from gnet_samples import sample_bytes, sign, take_apart

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.ir import Output, Parameter
from graphnet.compiler.ops import Embedding
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps, load_gnet, open_gnet, read_info
from graphnet.runtime.gnet.fields import decode_fields
from graphnet.runtime.gnet.wire import limits

IMAGES, RECURRENT, DTYPES = (sample_bytes(name) for name in ("images", "recurrent", "dtypes"))
PREAMBLE = struct.Struct("<8sHHIIQ32s")


def refused(file: bytes, text: str) -> GnetFormatError:
    """Loading fails with this text; so does reading the header, unless the fault lies in the tensors' bytes."""
    with pytest.raises(GnetFormatError, match=re.escape(text)) as caught:
        load_gnet(file)
    assert str(caught.value).startswith("bytes: ")
    return caught.value


def preamble(**fields: int | bytes) -> bytes:
    """The images with a changed preamble, whose checksum holds."""
    names = ("magic", "major", "minor", "flags", "header_length", "file_length", "header_sha256")
    now = dict(zip(names, PREAMBLE.unpack(IMAGES[:60]), strict=True)) | fields
    start = PREAMBLE.pack(*(now[name] for name in names))
    return start + struct.pack("<I", zlib.crc32(start)) + IMAGES[64:]


@pytest.mark.parametrize(("file", "text"), [
    (b"", "preamble at byte 0: the file ends after 0 bytes, a .gnet file has at least 64: it was cut short"),
    (IMAGES[:7], "preamble at byte 0: the file ends after 7 bytes"),
    (IMAGES[:63], "preamble at byte 0: the file ends after 63 bytes"),
    (b"PK\x03\x04" + bytes(60), "preamble.magic at byte 0: the file starts with 50 4b 03 04 00 00 00 00"),
    (IMAGES.replace(b"\r\n", b"\n", 1), "this is no .gnet file, or it was changed as text in transfer"),
    (IMAGES[:20] + b"\xff" + IMAGES[21:], "preamble.crc32 at byte 60: the CRC-32 of the first 60 bytes is another one"),
    (IMAGES[:60] + b"\0\0\0\0" + IMAGES[64:], "preamble.crc32 at byte 60"),
    (preamble(major=2, minor=3), "preamble.major at byte 8: the file is of format version 2.3, this graphnet reads "
                                 "1.x: upgrade to a graphnet that reads format 2.3"),
    (preamble(major=0), "preamble.major at byte 8: format version 0.0 was never published"),
    (preamble(flags=5, minor=1), "preamble.flags at byte 12: the file uses features 0x5, which this graphnet does not "
                                 "know: upgrade to a graphnet that reads format 1.1 with these features"),
    (preamble(header_length=0), "preamble.header_length at byte 16: it is 0, allowed are 1 to 16777216 bytes"),
    (preamble(header_length=limits.HEADER_BYTES + 1), "preamble.header_length at byte 16: it is 16777217"),
    (preamble(header_length=2**32 - 1), "preamble.header_length at byte 16: it is 4294967295"),
    (preamble(header_length=len(IMAGES)), "runs past the end of the file of"),
    (preamble(file_length=0), "preamble.file_length at byte 20: the file should have 0 bytes and has"),
    (preamble(file_length=2**63), f"preamble.file_length at byte 20: the file should have {2**63} bytes and has "
                                  f"{len(IMAGES)}: it was cut short"),
    (IMAGES[:-1], "it was cut short"),
    (IMAGES + b"\0", "it was added to"),
    (preamble(header_sha256=bytes(32)), "preamble.header_sha256 at byte 28: the SHA-256 of the header is another one"),
    (IMAGES[:70] + b"\xff" + IMAGES[71:], "preamble.header_sha256 at byte 28"),
])
def test_preamble(file, text):
    refused(file, text)


HEADER, DATA = take_apart(IMAGES)
PACKED = msgpack.packb(HEADER)


def opening(first: bytes) -> bytes:
    """A file whose header is these bytes."""
    return sign(first, DATA)


def with_train(value: bytes) -> bytes:
    """The images' header, packed by hand with this value as its `train` map."""
    parts = b"".join(msgpack.packb(key) + (value if key == "train" else msgpack.packb(item))
                     for key, item in HEADER.items())
    return opening(b"\x85" + parts)


DEEP = b"\x81\xa1a" + b"\x91" * 30 + b"\xc0"


@pytest.mark.parametrize(("file", "text"), [
    (opening(PACKED[:-1]), "header at byte"),
    (opening(PACKED[:-1]), "the header ends in the middle of a value"),
    (opening(PACKED[:1]), "the map has 5 items, but the header ends 0 bytes on"),
    (opening(PACKED + b"\xc0"), "1 bytes follow the header's map"),
    (opening(b"\x90"), "header at byte 64: the header must be a map"),
    (opening(b"\xc1"), "header at byte 64: the header must be a map"),
    (with_train(b"\x81\xa1a\xc1"), "byte 0xc1 is never used in msgpack"),
    (with_train(b"\x81\xa1a\xa2\xc3\x28"), "text that is not UTF-8: invalid continuation byte"),
    (with_train(b"\x81\xa1a\xa3\xed\xa0\x80"), "text that is not UTF-8: invalid continuation byte"),
    (with_train(b"\x81\xa1\xff\xc0"), "text that is not UTF-8: invalid start byte"),
    (with_train(b"\x81\x01\xc0"), "the key of a map must be text, not number"),
    (with_train(b"\x81\xc4\x01a\xc0"), "the key of a map must be text, not bytes"),
    (with_train(b"\x81\x90\xc0"), "the key of a map must be text, not array"),
    (with_train(b"\x82\xa1a\xc0\xa1a\xc0"), "the key 'a' stands twice in one map"),
    (with_train(b"\x81\xa1a\xcc\x01"), "the encoding is not canonical: each value must be packed in its shortest form"),
    (with_train(b"\x81\xa1a\xd9\x01a"), "the encoding is not canonical"),
    (with_train(b"\x81\xd9\x01a\xc0"), "the encoding is not canonical"),
    (with_train(b"\x81\xa1a\xdc\x00\x00"), "the encoding is not canonical"),
    (with_train(b"\x81\xa1a\xd0\x05"), "the encoding is not canonical"),
    (with_train(b"\xde\x00\x01\xa1a\xc0"), "the encoding is not canonical"),
    (with_train(b"\x81\xa1a\xca\x3f\x80\x00\x00"), "floats in 8 bytes"),
    (with_train(b"\x81\xa1a\xd6\xff\x00\x00\x00\x00"), "byte 0xd6 starts an extension type; .gnet files have none"),
    (with_train(b"\x81\xa1a\xc7\x00\x05"), "byte 0xc7 starts an extension type"),
    (with_train(DEEP), "arrays and maps are nested more than 16 deep"),
    (with_train(b"\x81\xa1a\xdd\xff\xff\xff\xff"), "the array has 4294967295 items; at most 65536 are allowed"),
    (with_train(b"\x81\xa1a\xdf\x00\x01\x00\x01"), "the map has 65537 items; at most 65536 are allowed"),
    (with_train(b"\x81\xa1a\xdc\xff\xff"), "the array has 65535 items, but the header ends"),
    (with_train(b"\x81\xa1a\xdb\xff\xff\xff\xff"), "the text has 4294967295 bytes; at most 65536 are allowed"),
    (with_train(b"\x81\xa1a\xc6\x00\x01\x00\x01"), "the bytes has 65537 bytes; at most 65536 are allowed"),
    (with_train(b"\x81\xa1a\xda\xff\xff"), "the header ends in the middle of a value"),
], ids=str)
def test_encoding(file, text):
    assert refused(file, text).offset >= 64


def test_offsets_are_those_of_the_faulty_byte():
    file = with_train(b"\x81\xa1a\xa2o\xff")
    assert file[refused(file, "text that is not UTF-8").offset] == 0xFF
    file = with_train(b"\x81\xa1a\xc1")
    assert file[refused(file, "0xc1").offset] == 0xC1
    file = with_train(b"\x81\xa1a\xcd\x00\x07")
    assert file[refused(file, "not canonical").offset] == 0xCD


def test_nested_empties_are_counted_before_they_are_built():
    rows = b"\xdc\xff\xff" + b"\x90" * 65_535
    header = b"\x81\xa1a\x99" + rows * 9
    refused(opening(header), "the header has 589826 arrays and maps and 589826 values; at most "
                             f"{limits.CONTAINERS} and")


def test_values_are_counted_before_they_are_built():
    numbers = b"\xdc\xff\xff" + bytes(65_535)
    header = b"\x81\xa1a\xdc\x00\x41" + numbers * 65
    refused(opening(header), f"and {limits.VALUES} are allowed")


def changed(file: bytes, *edits: object) -> bytes:
    """A file whose header is edited: each edit is (path of keys and indices, new value), or (path,) to delete."""
    header, data = take_apart(file)
    for path, *value in edits:
        *steps, last = path
        place = header
        for step in steps:
            place = place[step]
        if value:
            place[last] = value[0]
        else:
            del place[last]
    return sign(header, data)


def renamed(header, old, new):
    return {new if key == old else key: value for key, value in header.items()}


@pytest.mark.parametrize(("edit", "text"), [
    ([(("opset",),)], "the key 'opset' is missing"),
    ([(("surprise",), 1)], "the key 'surprise' is not known here; known are graph, meta, opset, tensors, train"),
    ([(("x-later",), 1)], "the key 'x-later' is not known here"),
    ([(("opset",), 0)], "opset at byte 71: it must be a whole number from 1, not 0"),
    ([(("opset",), True)], "opset at byte 71: it must be a whole number from 1, not True"),
    ([(("opset",), 2)], "upgrade to a graphnet that knows opset 2"),
    ([(("train",), [])], "train at byte"),
    ([(("meta",), None)], "it must be a map, not None"),
    ([(("opset",),), (("opset",), 1)], "the keys of the header must stand in the order opset, graph, tensors, train"),
], ids=str)
def test_top_level(edit, text):
    refused(changed(IMAGES, *edit), text)


ROW = ("tensors", 0)


@pytest.mark.parametrize(("edit", "text"), [
    ([(("tensors",), {})], "it must be an array, not {}"),
    ([(ROW, 3)], "tensors[0] at byte"),
    ([(ROW, ["a"])], "it must have 5 items (name, dtype, shape, role, crc32), not 1"),
    ([((*ROW, 0), "")], "a name must not be empty"),
    ([((*ROW, 0), 5)], "a name must be text, not 5"),
    ([((*ROW, 0), "a\x1b[2J")], "has the control character U+001B"),
    ([((*ROW, 0), "a\x85b")], "has the control character U+0085"),
    ([((*ROW, 0), "conv2d/bias")], "tensors[1][0] at byte"),
    ([((*ROW, 0), "conv2d/bias")], "the name 'conv2d/bias' is used twice"),
    ([((*ROW, 1), "float31")], "unknown dtype 'float31'; known are bool, int8"),
    ([((*ROW, 1), "|O")], "unknown dtype '|O'"),
    ([((*ROW, 1), 7)], "unknown dtype 7"),
    ([((*ROW, 1), "bfloat16")], "dtype bfloat16 is reserved for a later version of the format"),
    ([((*ROW, 1), "complex64")], "dtype complex64 is reserved"),
    ([((*ROW, 1), "float8_e4m3fn")], "dtype float8_e4m3fn is reserved"),
    ([((*ROW, 2), None)], "tensors[0][2] at byte"),
    ([((*ROW, 2), [2, -1])], "a dim of -1; allowed are 0 to 281474976710656"),
    ([((*ROW, 2), [2.0])], "a dim must be a whole number or the name of a symbol, not 2.0"),
    ([((*ROW, 2), [True])], "a dim must be a whole number or the name of a symbol, not True"),
    ([((*ROW, 2), ["N"])], "a tensor's dims are numbers, not 'N'"),
    ([((*ROW, 2), [2**48 + 1])], "a dim of 281474976710657"),
    ([((*ROW, 2), [2**24, 2**25])], "the product of the dims is over 281474976710656"),
    ([((*ROW, 2), [0, 2**40, 2**40])], "the product of the dims is over 281474976710656"),
    ([((*ROW, 2), [1] * 17)], "it has 17 items; at most 16 are allowed"),
    ([((*ROW, 2), [2**40])], "the tensors end at byte"),
    ([((*ROW, 2), [0])], "the tensors end at byte"),
    ([((*ROW, 3), "weights")], "unknown role 'weights'; known are param, buffer, const, state, optimizer"),
    ([((*ROW, 3), "optimizer")], "the role param stands after the role optimizer; the order is param, buffer, const"),
    ([((*ROW, 4), -1)], "a CRC-32 is a whole number from 0 to 2^32 - 1, not -1"),
    ([((*ROW, 4), 2**32)], "a CRC-32 is a whole number"),
    ([((*ROW, 4), 0)], "tensor.conv2d/weight at byte"),
    ([((*ROW, 4), 0)], "the CRC-32 of its bytes is another one"),
], ids=str)
def test_rows(edit, text):
    refused(changed(IMAGES, *edit), text)


def test_too_many_tensors():
    header, data = take_apart(DTYPES)
    row = ["", "int8", [0], "const", 0]
    header["tensors"] = [[f"t{i}", *row[1:]] for i in range(65_537)]
    refused(sign(header, data), "the array has 65537 items; at most 65536 are allowed")


NODE = ("graph", "nodes")
CONV, POOL, RESHAPE, LAST = (*NODE, 0), (*NODE, 3), (*NODE, 4), (*NODE, 5)


@pytest.mark.parametrize(("edit", "text"), [
    ([(("graph",), 3)], "graph at byte 78: it must be a map, not 3"),
    ([(("graph", "nodes"),)], "the key 'nodes' is missing"),
    ([(("graph", "code"), "import os")], "the key 'code' is not known here; known are inputs, name, nodes, origins"),
    ([(("graph", "name"), 3)], "a name must be text, not 3"),
    ([(("graph", "name"), "a\n")], "has the control character U+000A"),
    ([(("graph", "origins", 0), ["a", "b"])], "it must have 3 items (layer, kind, source), not 2"),
    ([(("graph", "origins", 0, 1), None)], "graph.origins[0][1]"),
    ([(("graph", "origins", 0, 2), "a\x07")], "has the control character U+0007"),
    ([(("graph", "inputs", 0, 1), "float16")], "dtype 'float16' is not supported; use one of float32"),
    ([(("graph", "inputs", 0, 2), ["N"] * 17)], "it has 17 items; at most 16 are allowed"),
    ([(("graph", "inputs", 0, 2, 0), "")], "the name of a symbolic dim has 0 bytes; allowed are 1 to 255"),
    ([(("graph", "inputs", 0, 2, 0), "N" * 256)], "the name of a symbolic dim has 256 bytes"),
    ([(("graph", "inputs", 0, 2, 0), "N\t")], "has the control character U+0009"),
    ([(("graph", "inputs", 0, 2), ["N", 1, 2**24, 2**25])], "the product of the dims is over"),
    ([(("graph", "inputs", 0, 4), {"next": 1})], "graph.inputs[0][4].next"),
    ([(("graph", "parameters", 0, 4), {"trainable": 0})], "it must be true or false, not 0"),
    ([(("graph", "parameters", 0, 4), {"trainable": True})], "it is not written in the canonical way"),
    ([(("graph", "parameters", 1, 0), "conv2d/weight")], "the name 'conv2d/weight' is used twice"),
    ([(("graph", "parameters", 0, 3), 99)], "there is no origin 99; the graph has"),
    ([(("graph", "parameters", 0, 3), True)], "there is no origin True"),
    ([((*CONV, 0), "os.system")], "graph.nodes[0][0] at byte"),
    ([((*CONV, 0), "os.system")], "this file needs the custom op 'os.system': register it before loading"),
    ([((*CONV, 0), "system")], "unknown op 'system': upgrade graphnet if the file comes from a newer one"),
    ([((*CONV, 0), ["relu"])], "an op is named by text, not ['relu']"),
    ([((*CONV, 0), "fused")], "op fused never stands in a file"),
    ([((*CONV, 0), "sgd_update")], "op sgd_update never stands in a file"),
    ([(CONV, ["relu", {}, [0]])], "it must have 4 items (op, attributes, inputs, origin), not 3"),
    ([((*CONV, 2), [0])], "conv2d takes 2 inputs, not 1"),
    ([((*CONV, 2), [0, 1, 2])], "conv2d takes 2 inputs, not 3"),
    ([((*CONV, 2), [0, 99])], "there is no value 99; the values up to here are 0 to 3"),
    ([((*CONV, 2), [0, -1])], "there is no value -1"),
    ([((*CONV, 2), [0, True])], "a value is named by a whole number, not True"),
    ([((*CONV, 2), [0, 4])], "value 4 is made by this node or a later one: nodes must stand in order of execution"),
    ([((*CONV, 2), [0, 7])], "value 7 is made by this node or a later one"),
    ([((*CONV, 1, "padding"), [[1, 1], [1, "1"]])], "graph.nodes[0][1].padding[1][1] at byte"),
    ([((*CONV, 1, "padding"), [[1, 1], [1, "1"]])], "it must be a whole number, not '1'"),
    ([((*CONV, 1, "padding"), [[1, 1], [1, 1.0]])], "it must be a whole number, not 1.0"),
    ([((*CONV, 1, "padding"), [[1, 1]])], "it must have 2 items, not 1"),
    ([((*CONV, 1, "padding"), 1)], "it must be an array, not 1"),
    ([((*CONV, 1, "padding"), [[1, 1], [1, -1]])], "padding is ((1, 1), (1, -1)), but each must be at least 0"),
    ([((*CONV, 1), {"groups": 0})], "groups is 0, but it must be at least 1"),
    ([((*CONV, 1), {"stride": [1, 1]})], "the key 'stride' is not known here; known are dilation, groups"),
    ([((*CONV, 1), {"groups": 2})], "conv2d refuses its inputs: weights (2, 1, 3, 3) take 2"),
    ([((*CONV, 1, "groups"), 1)], "graph.nodes[0][1] at byte"),
    ([((*CONV, 1, "groups"), 1)], "it is not written in the canonical way: {'groups': 1, 'padding': [[1, 1], [1, 1]]} "
                                  "should be {'padding': [[1, 1], [1, 1]]}"),
    ([((*POOL, 1), {})], "the key 'kernel' is missing"),
    ([((*POOL, 1), [])], "it must be a map, not []"),
    ([((*RESHAPE, 1, "shape"), ["N", 33])], "choose a shape with as many elements"),
    ([((*RESHAPE, 1, "shape"), ["N", True])], "a dim must be a whole number or the name of a symbol, not True"),
    ([((*RESHAPE, 1, "shape"), ["N", -32])], "a dim of -32; allowed are 0 to"),
    ([((*RESHAPE, 1, "shape"), ["N", *[1] * 16])], "it has 17 items; at most 16 are allowed"),
    ([(("graph", "parameters", 0, 4), {"rate": 1})], "graph.parameters[0][4].rate at byte"),
    ([(("graph", "parameters", 0, 4), {"role": "big"})], "a parameter has one of the roles kernel, recurrent_kernel, "
                                                         "embedding, bias, scale, slope, not 'big'"),
    ([(("graph", "parameters", 0, 4), {"constraint": ["relu"]})], "it must have 2 items (op, attributes), not 1"),
    ([(("graph", "parameters", 0, 4), {"constraint": "relu"})], "'relu' is not of the type"),
    ([(("graph", "parameters", 0, 4), {"constraint": ["reduce_sum", {"axes": [0]}]})],
     "it makes f32[1,3,3] of a weight f32[2,1,3,3]; a constraint must keep the type"),
    ([(("graph", "parameters", 0, 4), {"constraint": ["add", {}]})], "add takes 2 inputs, not 1"),
    ([(("graph", "penalties"), [["l2", 1]])], "a penalty must be a floating-point scalar, not f32[2,1,3,3]"),
    ([(LAST, ["reduce_sum", {"axes": [1, 0]}, [8], None])], "axes is (1, 0), but they must be at least 0 and"),
    ([(LAST, ["reduce_sum", {"axes": [-1]}, [8], None])], "axes is (-1,), but they must be at least 0 and"),
    ([((*LAST, 1, "transpose_w"), 1)], "it must be true or false, not 1"),
    ([(("graph", "outputs", 0, 1), 99)], "graph.outputs[0][1]"),
    ([(("graph", "outputs", 0, 0), "")], "a name must not be empty"),
    ([(("graph", "parameters", 2, 2), [32, 4]), (("tensors", 2, 2), [32, 3])],
     "'logits/weight' is float32 (32, 3), but the graph declares float32 (32, 4)"),
    ([(("graph", "parameters", 2, 2), [33, 3])], "matmul refuses its inputs: weights (33, 3) take 33"),
    ([(("graph", "parameters", 2, 1), "float64")], "a matrix product needs operands of one dtype, got float32 and"),
    ([(("tensors", 2, 1), "int32")], "but the graph declares float32 (32, 3)"),
    ([(("graph", "parameters", 2, 0), "other"), (("graph", "parameters", 2, 2), [32, 3])],
     "the graph has no param 'logits/weight'"),
    ([(("tensors", 2, 3), "const")], "'logits/weight' has the role param in the graph, not const"),
    ([(("tensors", 2, 0), "x"), (("tensors", 2, 3), "const")], "the param 'logits/weight', f32[32,3], of the graph has "
                                                               "no tensor"),
    ([(("tensors", 4, 0), "other/weight:m")], "the optimizer tensor 'other/weight:m' belongs to no parameter"),
    ([(("tensors", 4, 0), "no slot")], "its name must be <parameter>:<slot>"),
    ([(("tensors", 4, 0), "conv2d/weight:")], "belongs to no parameter"),
    ([(("tensors", 4, 0), "samples/image:m")], "belongs to no parameter"),
    ([(("tensors", 4, 2), [18])], "the optimizer tensor 'conv2d/weight:m' is (18,), but its parameter is (2, 1, 3, 3)"),
], ids=str)
def test_graph(edit, text):
    refused(changed(IMAGES, *edit), text)


STATE, PARAMETERS = ("graph", "states"), ("graph", "parameters")


@pytest.mark.parametrize(("edit", "text"), [
    ([((*STATE, 0, 4, "next"), 99)], "graph.states[0][4].next at byte"),
    ([((*STATE, 0, 4, "next"), 99)], "there is no value 99"),
    ([((*STATE, 0, 4, "next"), 1)], "the next value is f64[3,3], but the state 'cell/h' is f64[1,3]"),
    ([((*STATE, 0, 4, "initial"), 1)], "it must be a float, not 1"),
    ([((*STATE, 0, 4, "initial"), None)], "it must be a float, not None"),
    ([((*STATE, 0, 4, "role"),)], "the key 'role' is missing"),
    ([((*STATE, 1, 4, "role"), "optimizer"), (("tensors", 1, 3), "optimizer"), (("tensors", 1, 0), "cell/weight:m")],
     "the order is param, buffer"),
    ([((*STATE, 0, 0), "cell/weight")], "the name 'cell/weight' is used twice"),
    ([(("tensors", 1, 0), "other")], "the graph has no buffer 'other'"),
    ([(("tensors", 2, 2), [3, 1])], "'cell/h' is float64 (3, 1), but the graph declares float64 (1, 3)"),
    ([(("tensors", 2, 2), [1, 3, 1])], "'cell/h' is float64 (1, 3, 1)"),
    ([((*NODE, 2, 1, "factor"), 1)], "it must be a float, not 1"),
    ([((*NODE, 4, 1, "axis"), 5)], "softmax refuses its inputs: Softmax has axis 5"),
], ids=str)
def test_states(edit, text):
    refused(changed(RECURRENT, *edit), text)


@pytest.mark.parametrize("role", ["optimizer", "param", "const", "other", "", "a\x1b[2J"])
def test_the_roles_of_states_are_closed(role):
    wanted = "has the control character U+001B" if "\x1b" in role else (
        f"a state has one of the roles buffer, counter, recurrent, not {role!r}")
    error = refused(changed(RECURRENT, ((*STATE, 1, 4, "role"), role)), wanted)
    assert error.path == ("graph", "states", 1, 4, "role")


@pytest.mark.parametrize(("place", "symbol"), [
    ((*PARAMETERS, 0, 2, 0), "K"), ((*PARAMETERS, 0, 2, 0), "N"), ((*STATE, 1, 2, 0), "N"), ((*STATE, 0, 2, 1), "K")],
    ids=["weight", "weight by batch", "buffer", "recurrent"])
def test_dims_that_nobody_could_give_a_number_to(place, symbol):
    error = refused(changed(RECURRENT, (place, symbol)), f"the dim is the symbol {symbol!r}; the dims of weights and "
                                                         "states are numbers, of recurrent states also N, the batch")
    assert error.path == place


def test_a_counter_is_two_numbers():
    error = refused(changed(RECURRENT, ((*STATE, 1, 4, "role"), "counter")), "a counter is i64[2], not f64[1,3]")
    assert error.path == (*STATE, 1, 2)


@pytest.mark.parametrize(("dtype", "number", "fits"), [
    ("float32", 1e38, True), ("float32", 1e39, False), ("float32", math.inf, True), ("float32", math.nan, True),
    ("uint8", 255.0, True), ("uint8", 256.0, False), ("uint8", 0.5, False), ("int64", math.nan, False),
    ("int64", -math.inf, False), ("bool", 1.0, True), ("bool", 2.0, False)])
def test_the_first_value_of_a_state_fits_its_dtype(dtype, number, fits):
    b = Builder("g")
    b.state("s", TensorType(dtype, (2,)), "buffer", number)
    contents = Contents(b.build([]), by_name([Tensor("s", "buffer", np.zeros(2, dtype))]))
    if fits:
        assert load_gnet(dumps(contents)).graph.states[0].name == "s"
        return
    with pytest.raises(GnetFormatError, match=re.escape(f"{dtype} cannot hold {number}")):
        dumps(contents)


def test_keys_of_a_hostile_file_are_shown_without_its_tricks():
    header, data = take_apart(IMAGES)
    header["graph"]["\x1b[31mPWN\x07" + "x" * 60_000] = 1
    error = refused(sign(header, data), "is not known here")
    assert error.field.startswith("graph.\\x1b[31mPWN\\x07xxx")
    assert "\x1b" not in str(error)
    assert len(str(error)) < 1000


def flipped(file: bytes, at: int, value: int) -> bytes:
    return file[:at] + bytes([value]) + file[at + 1:]


def test_padding_after_the_header_must_be_zero():
    end = 64 + len(PACKED)
    assert end % 64
    assert refused(flipped(IMAGES, end, 7), "the padding after it holds 0x07 instead of zeros").offset == end


def test_padding_between_tensors_must_be_zero():
    row = read_info(IMAGES).rows[0]
    error = refused(flipped(IMAGES, row.end, 1), "tensor.conv2d/weight at byte")
    assert error.offset == row.end


def test_a_truth_value_must_be_0_or_1():
    row = next(row for row in read_info(DTYPES).rows if row.dtype == "bool")
    file = flipped(DTYPES, row.offset + 1, 2)
    refused(file, "the CRC-32 of its bytes is another one")
    header, data = take_apart(file)
    header["tensors"][0][4] = zlib.crc32(file[row.offset:row.end])
    error = refused(sign(header, data), "a truth value is stored as 2; only 0 and 1 are allowed")
    assert error.offset == row.offset + 1


def test_a_graph_bomb_is_refused():
    header, data = take_apart(DTYPES)
    header["graph"]["inputs"] = [["x", "float32", ["N", 1], None, {}]]
    header["graph"]["nodes"] = [["pad", {"after": 2**40, "axis": 1, "before": 0}, [0], None]]
    header["graph"]["outputs"] = [["y", 1]]
    bomb = sign(header, data)
    refused(bomb, "the graph needs 4398046511112 bytes of memory to run, the limit is 17179869184; if you trust the "
                  "file, pass a larger memory_limit")
    assert load_gnet(bomb, memory_limit=2**43).graph.nodes[0].op.after == 2**40


def test_memory_limit_and_the_measure_are_the_callers():
    load_gnet(IMAGES, memory_limit=10_000)
    with pytest.raises(GnetFormatError, match="of memory to run, the limit is 100;"):
        load_gnet(IMAGES, memory_limit=100)
    with pytest.raises(GnetFormatError, match="needs 7 bytes of memory to run, the limit is 6;"):
        load_gnet(IMAGES, memory_limit=6, measure=lambda graph: 7)


@pytest.mark.parametrize("read", [load_gnet, read_info, open_gnet])
def test_what_is_no_regular_file_is_refused_at_once(read, tmp_path):
    import os
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path, kind in ((tmp_path, "a directory"), (pipe, "a pipe"), (link, "a pipe"),
                           (Path("/dev/zero"), "a device"), (tmp_path / "socket", "a socket")):
            with pytest.raises(GnetFormatError, match=f"^{path}: it is not a regular file but {kind}"):
                read(path)


@pytest.mark.parametrize("read", [load_gnet, read_info, open_gnet])
def test_a_missing_file_is_an_oserror(read, tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.gnet")


def test_errors_name_the_file_the_field_and_the_offset(tmp_path):
    path = tmp_path / "bad.gnet"
    path.write_bytes(changed(IMAGES, ((*ROW, 1), "float31")))
    with pytest.raises(GnetFormatError) as caught:
        load_gnet(path)
    error = caught.value
    assert (error.source, error.path, error.field) == (str(path), ("tensors", 0, 1), "tensors[0][1]")
    assert path.read_bytes()[error.offset:error.offset + 8] == msgpack.packb("float31")
    assert str(error).startswith(f"{path}: tensors[0][1] at byte {error.offset}: unknown dtype 'float31'; known are")


def test_quoted_values_are_cut_short():
    error = refused(changed(IMAGES, ((*CONV, 1), {"groups": "x" * 60_000})), "it must be a whole number, not 'xxx")
    assert len(str(error)) < 2_000
    error = refused(changed(IMAGES, ((*ROW, 3), [[["deep"] * 500] * 50] * 10)), "unknown role")
    assert len(str(error)) < 2_000


def test_tensors_of_a_role_stand_in_the_order_of_the_graph():
    header, data = take_apart((Path(__file__).parent / "golden" / "trained.gnet").read_bytes())
    gamma, beta = header["tensors"][1:3]
    assert (gamma[0], beta[0], gamma[1:4]) == ("bn/gamma", "bn/beta", beta[1:4])
    header["tensors"][1:3] = beta, gamma
    error = refused(sign(header, data), "'bn/gamma' must stand before 'bn/beta': within a role what the graph declares "
                                        "comes first, in its order")
    assert error.path == ("tensors", 2)


def test_states_count_for_the_memory_that_running_takes():
    b = Builder("g")
    b.state("s", TensorType("float64", (1000,)), "recurrent")
    file = dumps(Contents(b.build([]), {}))
    assert load_gnet(file, memory_limit=8000).graph.states[0].name == "s"
    with pytest.raises(GnetFormatError, match="the graph needs 8000 bytes of memory to run, the limit is 7999"):
        load_gnet(file, memory_limit=7999)


def test_values_that_nodes_make_have_a_limited_rank_too():
    b = Builder("g")
    places, table = b.input("i", TensorType("int64", (1,) * 16)), b.parameter("w", TensorType("float32", (3, 2)))
    graph = b.build([Output("y", b.add(Embedding(), places, table))])
    with pytest.raises(GnetFormatError, match="a value of 17 dims; at most 16 are allowed"):
        dumps(Contents(graph, by_name([Tensor("w", "param", np.zeros((3, 2), np.float32))])))


@pytest.mark.parametrize("key", ["next", "value", "origin"])
def test_a_field_that_is_stored_elsewhere_is_no_key(key: str) -> None:
    with pytest.raises(GnetFormatError, match=f"the key '{key}' is not known here"):
        decode_fields(Parameter, {key: None}, ("graph",), ("value", "name", "origin", "next"))


class Endless:
    """A stream that begins with these bytes and never ends; counts what was read of it."""

    def __init__(self, start: bytes) -> None:
        self.start, self.taken = start, 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "a stream without an end was read to its end"
        piece = self.start[self.taken:self.taken + size].ljust(size, b"\0")
        self.taken += size
        return piece


@pytest.mark.parametrize("length", [len(IMAGES) + 64, 2**40, 2**63])
def test_a_stream_is_read_no_further_than_its_rows_justify(length: int) -> None:
    stream = Endless(preamble(file_length=length))
    with pytest.raises(GnetFormatError, match=f"the tensors end at byte {len(IMAGES)}, the file at byte {length}"):
        load_gnet(stream)
    assert stream.taken <= len(IMAGES)


def test_a_stream_that_goes_on_after_its_tensors_is_refused() -> None:
    stream = Endless(IMAGES)
    with pytest.raises(GnetFormatError, match=f"should have {len(IMAGES)} bytes and has {len(IMAGES) + 1}: it was"):
        load_gnet(stream)
    assert stream.taken == len(IMAGES) + 1


@pytest.mark.parametrize("end", [0, 7, 63, 64, 65, 200, len(IMAGES) - 1])
def test_a_stream_that_is_cut_is_refused_as_a_file_is(end: int) -> None:
    with pytest.raises(GnetFormatError) as of_file:
        load_gnet(IMAGES[:end])
    with pytest.raises(GnetFormatError) as of_stream:
        load_gnet(io.BytesIO(IMAGES[:end]))
    assert str(of_stream.value) == str(of_file.value).replace("bytes: ", "file object: ", 1)
