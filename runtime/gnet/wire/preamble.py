"""The 64 bytes that every `.gnet` file starts with."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

from graphnet.compiler.errors import GnetFormatError
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.refusal import refuse

MAGIC = b"\x89GNT\r\n\x1a\n"
MAJOR, MINOR = 1, 0
FLAGS = 0  # the must-understand bits that this reader understands
ALIGNMENT = 64

_STRUCT = struct.Struct("<8sHHIIQ32sI")
SIZE = _STRUCT.size
_OFFSETS = {"magic": 0, "major": 8, "minor": 10, "flags": 12, "header_length": 16, "file_length": 20,
            "header_sha256": 28, "crc32": 60}
FILE_LENGTH_OFFSET = _OFFSETS["file_length"]


def aligned(position: int) -> int:
    """The next multiple of 64."""
    return -(-position // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True, slots=True)
class Preamble:
    """What the first 64 bytes say. Lengths in bytes."""

    header_length: int
    file_length: int
    header_sha256: bytes
    major: int = MAJOR
    minor: int = MINOR
    flags: int = 0

    @property
    def header_end(self) -> int:
        """Where the header ends, without its padding."""
        return SIZE + self.header_length

    @property
    def data_start(self) -> int:
        """Where the first tensor starts."""
        return aligned(self.header_end)

    def pack(self) -> bytes:
        """The 64 bytes, with their checksum."""
        fields = (MAGIC, self.major, self.minor, self.flags, self.header_length, self.file_length, self.header_sha256)
        start = _STRUCT.pack(*fields, 0)[:_OFFSETS["crc32"]]
        return _STRUCT.pack(*fields, zlib.crc32(start))

    def check_header(self, header: bytes) -> None:
        """Refuses a header whose SHA-256 is not the one stored here.

        Raises:
            GnetFormatError: the header is damaged.
        """
        if hashlib.sha256(header).digest() != self.header_sha256:
            raise _refuse("header_sha256", "the SHA-256 of the header is another one: the file is damaged; "
                                           "get a fresh copy")


def parse_preamble(data: bytes, size: int | None) -> Preamble:
    """Reads and checks the first 64 bytes of a file of `size` bytes (None: not known yet).

    Raises:
        GnetFormatError: it is no `.gnet` file, is damaged, or needs a newer reader.
    """
    if MAGIC[:len(data)] != data[:len(MAGIC)]:
        raise _refuse("magic", f"the file starts with {data[:len(MAGIC)].hex(' ')}, a .gnet file with "
                               f"{MAGIC.hex(' ')}: this is no .gnet file, or it was changed as text in transfer")
    if len(data) < SIZE:
        raise refuse(("preamble",), f"the file ends after {len(data)} bytes, a .gnet file has at least {SIZE}: "
                                    "it was cut short", 0)
    _, major, minor, flags, header_length, file_length, digest, crc = _STRUCT.unpack(data)
    if zlib.crc32(data[:_OFFSETS["crc32"]]) != crc:
        raise _refuse("crc32", "the CRC-32 of the first 60 bytes is another one: the file is damaged; "
                               "get a fresh copy")
    _check_version(major, minor, flags)
    preamble = Preamble(header_length, file_length, digest, major, minor, flags)
    _check_lengths(preamble, size)
    return preamble


def _check_version(major: int, minor: int, flags: int) -> None:
    if major > MAJOR:
        raise _refuse("major", f"the file is of format version {major}.{minor}, this graphnet reads {MAJOR}.x: "
                               f"upgrade to a graphnet that reads format {major}.{minor}")
    if major < MAJOR:
        raise _refuse("major", f"format version {major}.{minor} was never published; versions start at 1.0")
    if flags & ~FLAGS:
        raise _refuse("flags", f"the file uses features {flags & ~FLAGS:#x}, which this graphnet does not know: "
                               f"upgrade to a graphnet that reads format {major}.{minor} with these features")


def _check_lengths(preamble: Preamble, size: int | None) -> None:
    header_length, file_length = preamble.header_length, preamble.file_length
    if not 0 < header_length <= limits.HEADER_BYTES:
        raise _refuse("header_length", f"it is {header_length}, allowed are 1 to {limits.HEADER_BYTES} bytes")
    if size is not None and file_length != size:
        what = "cut short" if file_length > size else "added to"
        raise _refuse("file_length", f"the file should have {file_length} bytes and has {size}: it was {what}")
    if file_length < preamble.data_start:
        raise _refuse("header_length", f"the header of {header_length} bytes runs past the end of the file of "
                                       f"{file_length} bytes")


def _refuse(field: str, reason: str) -> GnetFormatError:
    return refuse(("preamble", field), reason, _OFFSETS[field])
