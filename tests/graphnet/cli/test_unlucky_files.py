"""Files that change, that claim to be huge, and disks that are full, under the commands that look at files."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks

from graphnet.runtime.gnet import Contents, Tensor, TensorReader, load_gnet, save_gnet

X = np.random.default_rng(3).random((2, 1, 8, 8), dtype=np.float32)
TERABYTE = 1 << 40


@pytest.fixture
def saved(elsewhere: Path) -> Path:
    """A file with samples."""
    small_networks.image_network().save("a.gnet", samples=X)
    return elsewhere / "a.gnet"


def test_diff_of_a_file_that_is_cut_meanwhile_is_refused(saved: Path, run: Callable[..., Any],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program cuts it in place, between two tensors; mapped memory would be gone from under the arrays."""
    contents = load_gnet(saved)
    large = {"large": Tensor("large", "const", np.zeros(1 << 16, np.float32))}
    save_gnet("b.gnet", Contents(contents.graph, dict(contents.tensors) | large, contents.train, contents.meta))
    save_gnet("c.gnet", Contents(contents.graph, dict(contents.tensors) | large, contents.train, contents.meta))

    def read(self: TensorReader, row: Any, real: Callable[..., Any] = TensorReader.read) -> Any:
        os.truncate("b.gnet", 1 << 12)
        return real(self, row)
    monkeypatch.setattr(TensorReader, "read", read)
    result = run("diff", "b.gnet", "c.gnet")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "b.gnet: the file became shorter while it was read" in result.err


def sparse(path: Path, start: bytes, size: int) -> Path:
    """A file of this size that takes no room: the start, then zeros that are nowhere stored."""
    path.write_bytes(start)
    os.truncate(path, size)
    return path


def preamble(header: bytes, length: int, digest: bytes) -> bytes:
    """A sound preamble for a header."""
    fields = struct.pack("<8sHHIIQ32s", b"\x89GNT\r\n\x1a\n", 1, 0, 0, len(header), length, digest)
    return fields + struct.pack("<I", zlib.crc32(fields)) + header


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of files were read, piece by piece."""
    counted: list[int] = []

    def preadv(descriptor: int, buffers: Any, offset: int, real: Callable[..., int] = os.preadv) -> int:
        counted.append(real(descriptor, buffers, offset))
        return counted[-1]
    monkeypatch.setattr(os, "preadv", preadv)
    return counted


@pytest.mark.parametrize(("start", "text"), [
    (b"", "preamble.magic at byte 0: the file starts with 00 00"),
    (b"PK\x03\x04", "this is no .gnet file"),
    (preamble(b"\x80", TERABYTE, bytes(32)), "the SHA-256 of the header is another one"),
])
@pytest.mark.parametrize("arguments", [[], ["--sha256", "0" * 64]])
def test_a_terabyte_that_is_no_model_is_refused_at_its_start(start: bytes, text: str, arguments: list[str],
                                                             elsewhere: Path, run: Callable[..., Any],
                                                             counted: list[int]) -> None:
    sparse(elsewhere / "a.gnet", start, TERABYTE)
    result = run("verify", "a.gnet", *arguments)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert text in result.err
    assert sum(counted) < 1000


def test_verify_reads_each_byte_once(saved: Path, run: Callable[..., Any], counted: list[int]) -> None:
    assert run("verify", "a.gnet").code == 0
    assert sum(counted) == saved.stat().st_size
