"""An open file gives any tensor without reading the rest, and checks each one when it is first touched."""

import os

import numpy as np
import pytest
from gnet_samples import SAMPLES, changed_byte, images, sample_bytes

from graphnet.compiler.errors import ArgumentError, GnetFormatError, GraphNetError
from graphnet.runtime.gnet import open_gnet, read_info, save_gnet


@pytest.fixture
def path(tmp_path):
    save_gnet(tmp_path / "a.gnet", images())
    return tmp_path / "a.gnet"


@pytest.mark.parametrize("name", SAMPLES)
def test_every_tensor_is_there(name, tmp_path):
    contents = SAMPLES[name]()
    save_gnet(tmp_path / "a.gnet", contents)
    with open_gnet(tmp_path / "a.gnet") as file:
        assert file.names() == tuple(contents.tensors) == tuple(file)
        assert len(file) == len(contents.tensors)
        for key, tensor in contents.tensors.items():
            assert file[key].dtype == tensor.array.dtype
            assert file[key].tobytes() == tensor.array.tobytes()
            assert (file.row(key).shape, file.row(key).role) == (tensor.array.shape, tensor.role)
        assert file.graph.text == contents.graph.text
        assert (file.train, file.meta) == (contents.train, contents.meta)


def test_arrays_are_read_only_and_made_once(path):
    with open_gnet(path) as file:
        array = file["conv2d/weight"]
        assert array is file["conv2d/weight"]
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_damaged_tensor_is_refused_when_it_is_touched_and_spoils_no_other(path):
    row = read_info(path).rows[1]
    path.write_bytes(changed_byte(path.read_bytes(), row.offset))
    with open_gnet(path) as file:
        np.testing.assert_array_equal(file["conv2d/weight"], images().tensors["conv2d/weight"].array)
        for _ in range(2):
            with pytest.raises(GnetFormatError, match=f"^{path}: tensor.conv2d/bias at byte {row.offset}: the CRC-32"):
                _ = file["conv2d/bias"]
        assert "conv2d/bias" in file


def test_padding_is_checked_with_the_tensor_before_it(path):
    row = read_info(path).rows[0]
    path.write_bytes(changed_byte(path.read_bytes(), row.end))
    with open_gnet(path) as file, pytest.raises(GnetFormatError, match="the padding after it holds"):
        _ = file["conv2d/weight"]


def test_a_damaged_header_is_refused_on_opening(path):
    path.write_bytes(changed_byte(path.read_bytes(), 100))
    with pytest.raises(GnetFormatError, match=f"^{path}: preamble.header_sha256 at byte 28"):
        open_gnet(path)


def test_a_graph_that_the_tensors_do_not_fit_is_refused_when_it_is_touched(tmp_path):
    from gnet_samples import sign, take_apart
    header, data = take_apart(sample_bytes("images"))
    header["tensors"][2][2] = [3, 32]
    (tmp_path / "a.gnet").write_bytes(sign(header, data))
    with open_gnet(tmp_path / "a.gnet") as file:
        assert file["logits/weight"].shape == (3, 32)
        with pytest.raises(GnetFormatError, match="but the graph declares"):
            _ = file.graph


def test_names_that_are_not_there(path):
    with open_gnet(path) as file:
        with pytest.raises(KeyError):
            _ = file["nothing"]
        with pytest.raises(ArgumentError, match="name is 'nothing', but the file has conv2d/weight, conv2d/bias"):
            file.row("nothing")
        assert "nothing" not in file
        assert file.get("nothing") is None


def test_arrays_outlive_the_file_and_a_closed_file_says_so(path):
    with open_gnet(path) as file:
        array = file["conv2d/weight"]
    np.testing.assert_array_equal(array, images().tensors["conv2d/weight"].array)
    with pytest.raises(GraphNetError, match="is closed; read 'conv2d/bias' before closing it"):
        _ = file["conv2d/bias"]
    with pytest.raises(GraphNetError, match="is closed"):
        _ = file["conv2d/weight"]
    file.close()


def test_an_open_file_keeps_its_contents_when_a_new_one_takes_its_place(path):
    with open_gnet(path) as file:
        contents = images()
        for tensor in contents.tensors.values():
            tensor.array[...] = 0
        save_gnet(path, contents)
        np.testing.assert_array_equal(file["conv2d/weight"], images().tensors["conv2d/weight"].array)
    with open_gnet(path) as file:
        assert not file["conv2d/weight"].any()


def test_no_descriptor_stays_open(path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with open_gnet(path) as file:
            assert file["conv2d/weight"].any()
        path.write_bytes(path.read_bytes()[:50])
        with pytest.raises(GnetFormatError):
            open_gnet(path)
        save_gnet(path, images())
    assert len(os.listdir("/proc/self/fd")) == before
