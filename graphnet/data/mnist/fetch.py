"""Fetches one file over HTTP, trying mirrors in order. Trusts no mirror: size and digest are checked.

Imports urllib, so import this module only when something is going to be fetched.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence

from graphnet.compiler.errors import DataError
from graphnet.data.mnist.checksum import check_packed
from graphnet.data.mnist.mnist_files import IdxFile

_CHUNK = 1 << 16
_USER_AGENT = "graphnet"  # some mirrors turn urllib's own name away


def fetch(file: IdxFile, mirrors: Sequence[str], progress: bool | None, timeout: float) -> bytes:
    """Fetches the packed form of a file from the first mirror that serves it rightly.

    Args:
        file: The file, with the size and the digest that its unpacked bytes must have.
        mirrors: Addresses of directories, tried in order.
        progress: Whether to show a progress bar; None for only on a terminal.
        timeout: Seconds without any answer after which a mirror is given up.

    Returns:
        The gzip-packed bytes, already checked.

    Raises:
        DataError: No mirror served the file; lists each with its reason.
    """
    failures = []
    for mirror in mirrors:
        address = f"{mirror.rstrip('/')}/{file.packed_name}"
        try:
            body = _get(address, file, progress, timeout)
            check_packed(body, file)
        except DataError as error:
            failures.append(f"\n  {address}: {error}")
        else:
            return body
    raise DataError(f"{file.packed_name}: no mirror could serve it; tried{''.join(failures)}")


def _get(address: str, file: IdxFile, progress: bool | None, timeout: float) -> bytes:
    if not address.startswith(("http://", "https://")):
        raise DataError("is not an http:// or https:// address")
    request = urllib.request.Request(address, headers={"User-Agent": _USER_AGENT})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return _read_body(response, file, progress)
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DataError(f"cannot be reached ({error.reason})") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DataError(f"broke off ({type(error).__name__}: {error})") from error


def _read_body(response: http.client.HTTPResponse, file: IdxFile, progress: bool | None) -> bytes:
    from tqdm import tqdm

    limit = file.size + file.size // 100 + 1024  # gzip adds less than that to data it cannot pack
    declared = response.headers.get("Content-Length", "")
    length = int(declared) if declared.isdecimal() else None
    if length is not None and length > limit:
        raise DataError(f"announces {length:,} bytes, more than the {limit:,} that the file may take")
    body = bytearray()
    disable = None if progress is None else not progress
    with tqdm(total=length, desc=file.packed_name, unit="B", unit_scale=True, disable=disable) as bar:
        while chunk := response.read(_CHUNK):
            body += chunk
            bar.update(len(chunk))
            if len(body) > limit:
                raise DataError(f"sends more than the {limit:,} bytes that the file may take")
    if length is not None and len(body) < length:
        raise DataError(f"broke off after {len(body):,} of {length:,} bytes")
    return bytes(body)
