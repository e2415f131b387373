"""What is saved is what is loaded, to the bit, in every way in and out."""

import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from gnet_samples import SAMPLES, empty_graph, image_graph, images, op_graph, sample_bytes, values
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from op_cases import examples_of

from graphnet.compiler.errors import ArgumentError, GnetFormatError
from graphnet.compiler.ir import Graph
from graphnet.compiler.op import registered_ops
from graphnet.compiler.ops import Fused, GradientReader
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps, load_gnet, open_gnet, read_info, save_gnet
from graphnet.runtime.gnet.tensors import DTYPES


def same(a: Contents, b: Contents) -> None:
    assert a.graph == b.graph
    assert a.graph.text == b.graph.text
    assert a.graph.origins == b.graph.origins
    assert list(a.tensors) == list(b.tensors)
    for name, tensor in a.tensors.items():
        other = b.tensors[name]
        assert tensor.role == other.role
        assert (tensor.array.dtype, tensor.array.shape) == (other.array.dtype, other.array.shape)
        assert np.asarray(tensor.array).tobytes() == other.array.tobytes()
    assert (dict(a.train), dict(a.meta)) == (b.train, b.meta)


@pytest.mark.parametrize("name", SAMPLES)
def test_load_gives_what_was_saved(name):
    contents = SAMPLES[name]()
    same(contents, load_gnet(dumps(contents)))


@pytest.mark.parametrize("name", SAMPLES)
def test_saving_what_was_loaded_gives_the_same_bytes(name):
    file = sample_bytes(name)
    assert dumps(load_gnet(file)) == file


def test_path_bytes_and_file_objects_are_all_read(tmp_path):
    path = tmp_path / "a.gnet"
    save_gnet(path, images())
    file = path.read_bytes()
    same(images(), load_gnet(path))
    same(images(), load_gnet(str(path)))
    same(images(), load_gnet(bytearray(file)))
    same(images(), load_gnet(memoryview(file)))
    same(images(), load_gnet(memoryview(file[::-1])[::-1]))
    same(images(), load_gnet(io.BytesIO(file)))
    with open(path, "rb") as opened:
        same(images(), load_gnet(opened))
    with subprocess.Popen([sys.executable, "-c", f"print(open({str(path)!r}, 'rb').read().hex())"],
                          stdout=subprocess.PIPE) as child:
        same(images(), load_gnet(io.BytesIO(bytes.fromhex(child.stdout.read().decode()))))


def test_a_file_object_that_gives_a_byte_at_a_time_is_read():
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1))
    same(images(), load_gnet(Slow(sample_bytes("images"))))


def test_a_file_object_is_not_read_past_what_its_preamble_says():
    endless = io.BytesIO(sample_bytes("images") + bytes(10_000_000))
    with pytest.raises(GnetFormatError, match="it was added to"):
        load_gnet(endless)
    assert endless.tell() == len(sample_bytes("images")) + 1


def test_text_files_and_other_objects_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r'a file must be opened in binary mode: open\(path, "rb"\)'):
        load_gnet(io.StringIO("text"))
    save_gnet(tmp_path / "a.gnet", images())
    with (tmp_path / "a.gnet").open(encoding="utf-8") as text, pytest.raises(ArgumentError, match="in binary mode"):
        load_gnet(text)  # which cannot even be decoded
    with pytest.raises(ArgumentError, match="it must be a path, bytes, or a file opened in binary mode"):
        load_gnet(3)


def test_a_file_with_the_expected_digest_is_loaded(tmp_path):
    save_gnet(tmp_path / "a.gnet", images())
    digest = hashlib.sha256((tmp_path / "a.gnet").read_bytes()).hexdigest()
    same(images(), load_gnet(tmp_path / "a.gnet", expect_sha256=digest.upper()))


def test_another_file_than_expected_is_refused():
    with pytest.raises(GnetFormatError, match=f"expected is {'0' * 64}: this is another file than the one asked for"):
        load_gnet(sample_bytes("images"), expect_sha256="0" * 64)


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64, b"0" * 64])
def test_a_digest_that_is_none_is_refused(digest):
    with pytest.raises(ArgumentError, match="it must be 64 hexadecimal digits"):
        load_gnet(sample_bytes("images"), expect_sha256=digest)


def test_loaded_arrays_are_writable_aligned_and_independent_of_the_source():
    file = bytearray(sample_bytes("images"))
    contents = load_gnet(file)
    file[:] = bytes(len(file))
    for name, tensor in contents.tensors.items():
        assert tensor.array.flags.writeable
        assert tensor.array.flags.c_contiguous
        assert tensor.array.ctypes.data % 64 == 0
        np.testing.assert_array_equal(tensor.array, images().tensors[name].array)


@pytest.mark.parametrize("make", [np.asfortranarray, lambda a: a[::-1, ::2], lambda a: a.astype(">f4"),
                                  lambda a: np.broadcast_to(a[:1], (4, 6)), lambda a: a.T],
                         ids=["fortran", "strided", "big-endian", "broadcast", "transposed"])
def test_any_memory_layout_is_saved_right(make):
    array = make(values((4, 6)))
    loaded = load_gnet(dumps(Contents(empty_graph(), by_name([Tensor("a", "const", array)])))).tensors["a"].array
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == np.float32
    assert loaded.shape == array.shape


@given(st.data(), st.sampled_from(DTYPES))
def test_any_array_round_trips(data, dtype):
    array = data.draw(arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)))
    file = dumps(Contents(empty_graph(), by_name([Tensor("a", "const", array), Tensor("b", "state", array)])))
    for tensor in load_gnet(file).tensors.values():
        assert tensor.array.dtype == array.dtype
        assert tensor.array.shape == array.shape
        assert tensor.array.tobytes() == array.tobytes()


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-2**63, 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=12)


@given(st.dictionaries(st.text(max_size=5), _PLAIN, max_size=5))
def test_any_plain_data_round_trips(plain):
    file = dumps(Contents(empty_graph(), {}, plain, plain))
    loaded = load_gnet(file)
    assert loaded.train == loaded.meta == plain
    assert repr(loaded.train) == repr(plain)
    assert dumps(loaded) == file


def _stored_ops():
    return [pytest.param(example, id=f"{name}-{index}") for name, cls in registered_ops().items()
            if not issubclass(cls, Fused | GradientReader) for index, example in enumerate(examples_of(cls))]


@pytest.mark.parametrize("example", _stored_ops())
def test_every_op_keeps_its_attributes(example):
    graph = op_graph(example.op, *example.inputs)
    loaded = load_gnet(dumps(Contents(graph, {}))).graph
    assert loaded == graph
    assert loaded.text == graph.text


def test_value_ids_are_numbered_anew():
    graph = image_graph()
    shift = {value: 3 * value + 100 for value in graph.types}
    moved = Graph(graph.name, tuple(replace(i, value=shift[i.value]) for i in graph.inputs),
                  tuple(replace(p, value=shift[p.value]) for p in graph.parameters), (),
                  tuple(replace(n, inputs=tuple(shift[v] for v in n.inputs),
                                outputs=tuple(shift[v] for v in n.outputs)) for n in graph.nodes),
                  tuple(replace(o, value=shift[o.value]) for o in graph.outputs),
                  {shift[value]: t for value, t in graph.types.items()})
    contents = images()
    assert dumps(Contents(moved, contents.tensors, contents.train, contents.meta)) == dumps(contents)


def test_the_order_in_which_tensors_are_given_does_not_matter_for_weights():
    contents = images()
    weights = {name: t for name, t in reversed(contents.tensors.items()) if t.role == "param"}
    rest = {name: t for name, t in contents.tensors.items() if t.role != "param"}
    assert dumps(Contents(contents.graph, rest | weights, contents.train, contents.meta)) == dumps(contents)


def test_two_saves_of_one_model_are_equal_bytes_in_another_process():
    code = "import sys, hashlib, gnet_samples as s; print(hashlib.sha256(s.sample_bytes('images')).hexdigest())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    child = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert child.stdout.strip() == hashlib.sha256(sample_bytes("images")).hexdigest()


def test_info_reads_the_header_only(tmp_path):
    path = tmp_path / "a.gnet"
    file = bytearray(sample_bytes("images"))
    file[-1] ^= 1  # a damaged tensor, which the header does not know of
    path.write_bytes(file)
    head = read_info(path)
    assert head.graph.name == "tiny_lenet"
    assert [row.name for row in head.rows] == list(images().tensors)
    assert (head.train, head.meta) == (images().train, images().meta)


def test_info_and_open_do_not_touch_a_gigabyte(tmp_path):
    big = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (1 << 20,), (0,))
    file = dumps(Contents(empty_graph(), by_name([Tensor("a", "const", big), Tensor("b", "const", big)])))
    path = tmp_path / "sparse.gnet"
    path.write_bytes(_stretched(file, 1 << 29))
    os.truncate(path, os.path.getsize(path) + (1 << 30))
    assert [row.nbytes for row in read_info(path).rows] == [1 << 29, 1 << 29]
    with open_gnet(path) as opened:
        assert opened.names() == ("a", "b")


def _stretched(file: bytes, size: int) -> bytes:
    """The head of a file whose two tensors are said to have `size` bytes."""
    from gnet_samples import sign, take_apart
    header, _ = take_apart(file)
    for row in header["tensors"]:
        row[2] = [size]
    head = sign(header, b"")
    return sign(header, b"", file_length=len(head) + 2 * size)
