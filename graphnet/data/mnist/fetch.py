"""Fetches one file over HTTP, trying mirrors in order. Trusts no mirror: size and digest are checked, and time.

Imports urllib, so import this module only when something is going to be fetched.
"""

from __future__ import annotations

import http.client
import urllib.error
from collections.abc import Sequence

from graphnet.common.streams import shows_progress
from graphnet.compiler.errors import DataError
from graphnet.compiler.words import visible
from graphnet.data.mnist.checksum import check_packed
from graphnet.data.mnist.connection import RedirectError, Watch, open_watched
from graphnet.data.mnist.mnist_files import IdxFile

_CHUNK = 1 << 16
_USER_AGENT = "graphnet"  # some mirrors turn urllib's own name away
_LEAST_RATE = 1000
_MOST_REDIRECTS = 5
_REASON_CHARS = 300


def fetch(file: IdxFile, mirrors: Sequence[str], progress: bool | None, timeout: float, deadline: float) -> bytes:
    """Fetches the packed form of a file from the first mirror that serves it rightly.

    Args:
        file: The file, with the size and the digest that its unpacked bytes must have.
        mirrors: Addresses of directories, tried in order.
        progress: Whether to show a progress bar; None for only on a terminal.
        timeout: Seconds within which an answer must begin, and 1,000 bytes for each of them must come from then on;
            else the mirror is given up.
        deadline: Seconds after which a mirror is given up, redirects included.

    Returns:
        The gzip-packed bytes, already checked.

    Raises:
        DataError: No mirror served the file; lists each with its reason.
    """
    failures = []
    for mirror in mirrors:
        address = f"{mirror.rstrip('/')}/{file.packed_name}"
        try:
            body = _get(address, file, progress, timeout, deadline)
            check_packed(body, file)
        except DataError as error:
            failures.append(f"\n  {_shown(address)}: {_shown(str(error))}")
        else:
            return body
    raise DataError(f"{file.packed_name}: no mirror could serve it; tried{''.join(failures)}")


def _shown(text: str) -> str:
    """What came from outside, on one line, its end cut off where it is long."""
    shown = visible(text)
    return shown if len(shown) <= _REASON_CHARS else f"{shown[:_REASON_CHARS]} …"


def _get(address: str, file: IdxFile, progress: bool | None, timeout: float, deadline: float) -> bytes:
    start = address
    with Watch(deadline, timeout, "no answer") as watch:
        for _ in range(_MOST_REDIRECTS + 1):
            if not address.startswith(("http://", "https://")):
                to = "" if address == start else f"redirects to {address}, which "
                raise DataError(f"{to}is not an http:// or https:// address")
            watch.allow(timeout, "no answer")
            try:
                return _read(address, file, progress, timeout, watch)
            except RedirectError as elsewhere:
                address = elsewhere.address
    raise DataError(f"redirects more than {_MOST_REDIRECTS} times, at last to {address}")


def _read(address: str, file: IdxFile, progress: bool | None, timeout: float, watch: Watch) -> bytes:
    try:
        with open_watched(address, _USER_AGENT, timeout, watch) as response:
            body = _read_body(response, file, progress, timeout, watch)
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"answered {error.code} {error.reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        if watch.expired or isinstance(error, TimeoutError):
            raise DataError(watch.reason) from error
        if isinstance(error, urllib.error.URLError):
            raise DataError(f"cannot be reached ({error.reason})") from error
        raise DataError(f"broke off ({type(error).__name__}: {error})") from error
    if watch.expired:
        raise DataError(watch.reason)
    return body


def _read_body(response: http.client.HTTPResponse, file: IdxFile, progress: bool | None, timeout: float,
               watch: Watch) -> bytes:
    from tqdm import tqdm

    limit = file.size + file.size // 100 + 1024  # gzip adds less than that to data it cannot pack
    declared = response.headers.get("Content-Length", "")
    length = int(declared) if declared.isdecimal() else None
    if length is not None and length > limit:
        raise DataError(f"announces {length:,} bytes, more than the {limit:,} that the file may take")
    body, least, counted = bytearray(), max(int(_LEAST_RATE * timeout), 1), 0
    too_slow = f"fewer than {least:,} bytes"
    watch.allow(timeout, too_slow)
    hidden = not shows_progress(progress)
    with tqdm(total=length, desc=file.packed_name, unit="B", unit_scale=True, disable=hidden) as bar:
        while chunk := response.read1(_CHUNK):  # what is there: `read` would wait for all of the chunk
            body += chunk
            bar.update(len(chunk))
            if len(body) > limit:
                raise DataError(f"sends more than the {limit:,} bytes that the file may take")
            if len(body) >= counted + least:
                counted = len(body)
                watch.allow(timeout, too_slow)
    if length is not None and len(body) < length and not watch.expired:
        raise DataError(f"broke off after {len(body):,} of {length:,} bytes")
    return bytes(body)
