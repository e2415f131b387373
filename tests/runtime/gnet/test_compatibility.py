"""What a reader of version 1.0 makes of files from the future."""

import copy

import pytest
from gnet_samples import sample_bytes, sign, take_apart

from graphnet.compiler.errors import GnetFormatError
from graphnet.runtime.gnet import dumps, load_gnet, read_info

IMAGES = sample_bytes("images")


def extended():
    """A header with keys that begin with `x-` wherever there is a map of the format's own."""
    header, data = take_apart(IMAGES)
    header["x-thumbnail"] = b"png"
    header["graph"]["x-layout"] = {"deep": ["anything"]}
    header["graph"]["parameters"][0][4]["x-decay"] = 0.1
    header["graph"]["nodes"][0][1]["x-hint"] = "winograd"
    return header, data


def test_a_newer_minor_version_is_read_without_its_extensions():
    header, data = extended()
    loaded = load_gnet(sign(header, data, minor=7))
    assert dumps(loaded) == IMAGES
    assert read_info(sign(header, data, minor=7)).preamble.minor == 7


def test_the_own_minor_version_has_no_extensions():
    header, data = extended()
    with pytest.raises(GnetFormatError, match=r"x-thumbnail at byte [0-9]+: the key 'x-thumbnail' is not known here"):
        load_gnet(sign(header, data))


@pytest.mark.parametrize("edit", [
    lambda header: header.update(later=1),
    lambda header: header["graph"].update(later=1),
    lambda header: header["graph"]["nodes"][0][1].update(later=1),
    lambda header: header["graph"]["parameters"][0][4].update(later=1),
], ids=["header", "graph", "attributes", "fields"])
def test_other_new_keys_are_refused_in_every_version(edit):
    header, data = take_apart(IMAGES)
    edit(header)
    for minor in (0, 7):
        with pytest.raises(GnetFormatError, match="the key 'later' is not known here"):
            load_gnet(sign(copy.deepcopy(header), data, minor=minor))


def test_train_and_meta_keep_keys_that_begin_with_x():
    header, data = take_apart(IMAGES)
    header["meta"]["x-mine"] = {"x-inner": 1}
    for minor in (0, 7):
        assert load_gnet(sign(header, data, minor=minor)).meta["x-mine"] == {"x-inner": 1}


def test_offsets_hold_in_files_with_extensions():
    header, data = extended()
    header["graph"]["nodes"][0][0] = "later"
    file = sign(header, data, minor=7)
    with pytest.raises(GnetFormatError, match="unknown op 'later': upgrade graphnet") as caught:
        load_gnet(file)
    assert file[caught.value.offset:].startswith(b"\xa5later")


def test_the_rest_of_a_newer_minor_version_is_checked_as_ever():
    header, data = extended()
    header["tensors"][0][1] = "float128"
    with pytest.raises(GnetFormatError, match="unknown dtype 'float128'"):
        load_gnet(sign(header, data, minor=7))
