"""Files of many megabytes are read by several threads, piece by piece."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.types import Array
from graphnet.runtime.gnet import Contents, Tensor, by_name, load_gnet, read_info, save_gnet

SIZES = (3, 5 << 20, 0, 1 << 20, (1 << 20) - 60, 17 << 20, 1, 2 << 20, 9 << 20)


def arrays() -> list[NDArray[np.uint8]]:
    chance = np.random.default_rng(3)
    return [chance.integers(0, 256, size, np.uint8) for size in SIZES]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 35 MB."""
    tensors = [Tensor(f"t{index}", "const", array) for index, array in enumerate(arrays())]
    path = tmp_path_factory.mktemp("large") / "large.gnet"
    save_gnet(path, Contents(Builder("").build([]), by_name(tensors)))
    return path


def check(contents: Contents) -> None:
    for index, array in enumerate(arrays()):
        np.testing.assert_array_equal(contents.tensors[f"t{index}"].array, array)


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_every_tensor_is_read(cores: int, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    check(load_gnet(large))
    check(load_gnet(large.read_bytes()))


def test_with_a_digest_it_is_read_in_order(large: Path) -> None:
    check(load_gnet(large, expect_sha256=hashlib.sha256(large.read_bytes()).hexdigest()))


def test_systems_without_positioned_reads(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "preadv")
    check(load_gnet(large))


def test_short_reads_are_carried_on(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, targets, at: real(fd, [targets[0][:70_001]], at))
    check(load_gnet(large))


@pytest.mark.parametrize("damaged", [(8, 5), (5, 8), (1, 3, 5, 7, 8), (8,)])
def test_the_damage_that_lies_first_is_reported(damaged: tuple[int, ...], large: Path) -> None:
    rows, data = read_info(large).rows, bytearray(large.read_bytes())
    for index in damaged:
        data[rows[index].end - 1] ^= 1
    first = min(damaged)
    for _ in range(5):
        with pytest.raises(GnetFormatError, match=rf"^bytes: tensor\.t{first} at byte {rows[first].offset}: the CRC"):
            load_gnet(bytes(data))


def test_padding_far_behind_is_checked(large: Path) -> None:
    row, data = read_info(large).rows[4], bytearray(large.read_bytes())
    data[row.end] = 7
    with pytest.raises(GnetFormatError, match=re.escape("the padding after it holds 0x07 instead of zeros")):
        load_gnet(bytes(data))


def test_a_file_that_shrinks_while_it_is_read(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, size = os.preadv, large.stat().st_size
    monkeypatch.setattr(os, "preadv", lambda fd, targets, at: real(fd, targets, at) if at < size // 2 else 0)
    with pytest.raises(GnetFormatError, match="the file became shorter while it was read"):
        load_gnet(large)


@pytest.mark.parametrize("digest", [False, True])
def test_tensors_are_read_into_what_is_given(digest: bool, large: Path) -> None:
    """What does not fit (another dtype, shape or order) is left alone."""
    given = {f"t{index}": np.zeros(size, np.uint8) for index, size in enumerate(SIZES)}
    given |= {"t0": np.zeros(3, np.int8), "t1": np.zeros(7, np.uint8), "t5": np.zeros((2 * SIZES[5],), np.uint8)[::2],
              "other": np.zeros(3, np.uint8)}
    seen: list[Contents] = []

    def place(contents: Contents) -> dict[str, Array]:
        seen.append(contents)
        return given
    expected = hashlib.sha256(large.read_bytes()).hexdigest() if digest else None
    contents = load_gnet(large, expected, place=place)
    check(contents)
    assert dict(seen[0].tensors) == {}
    for index, size in enumerate(SIZES):
        placed = np.shares_memory(contents.tensors[f"t{index}"].array, given[f"t{index}"])
        assert placed == (size > 0 and index not in (0, 1, 5))
    assert not any(given[name].any() for name in ("t0", "t1", "t5", "other"))
