"""HTTP connections that are cut when their time is up, whatever the other side sends meanwhile.

The timeout of a socket begins anew with every byte, so a server that sends one now and then, or `100 Continue` without
end, holds a reader for ever. Here a thread looks at the clock, and shuts the socket that the reader waits for.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any

_LONGEST_WAIT = 3600.0


class RedirectError(Exception):
    """An answer sends the reader elsewhere; nothing of its body was read."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class Watch:
    """Shuts connections when their time is up. Use it in a `with` block.

    Args:
        deadline: seconds for everything within the block.
        timeout: seconds for what is awaited now.
        awaited: what that is, for the text.

    Attributes:
        reason: why the connection was shut, or would be shut now.
        expired: whether it was.
    """

    def __init__(self, deadline: float, timeout: float, awaited: str) -> None:
        self.deadline, self.expired, self.reason = deadline, False, ""
        self._end = time.monotonic() + deadline
        self._until = self._end
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.allow(timeout, awaited)

    def allow(self, timeout: float, awaited: str) -> None:
        """Allows so many seconds more, but not beyond the deadline, nor once the time was up."""
        if self.expired:
            return
        until = time.monotonic() + timeout
        late = until > self._end
        self.reason = f"takes longer than {self.deadline:g} s" if late else f"sent {awaited} within {timeout:g} s"
        self._until = min(until, self._end)

    def follow(self, connected: socket.socket) -> None:
        """Shuts this connection too when the time is up; it may be closed before."""
        with self._lock:
            self._sockets.append(connected.dup())  # its own handle: TLS takes the other away
        if self.expired:
            self._shut()

    def __enter__(self) -> Watch:
        threading.Thread(target=self._wait, name="graphnet download", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._over.set()
        with self._lock:
            for handle in self._sockets:
                handle.close()
            self._sockets.clear()

    def _wait(self) -> None:
        while not self._over.wait(min(max(self._until - time.monotonic(), 0), _LONGEST_WAIT)):
            if time.monotonic() >= self._until:
                self.expired = True
                self._shut()
                return

    def _shut(self) -> None:
        with self._lock:
            for handle in self._sockets:
                try:
                    handle.shutdown(socket.SHUT_RDWR)
                except OSError:  # it is closed already
                    continue


class _Plain(http.client.HTTPConnection):
    watch: Watch

    def connect(self) -> None:
        super().connect()
        self.watch.follow(self.sock)


class _Secure(http.client.HTTPSConnection, _Plain):
    """Its `connect` calls that of `_Plain` before it begins to speak TLS."""


class _Handler(urllib.request.AbstractHTTPHandler):
    """Opens connections that a watch follows."""

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._of(_Plain), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._of(_Secure), req)

    def _of(self, kind: type[_Plain]) -> Callable[..., Any]:
        def make(*arguments: Any, **options: Any) -> _Plain:
            connection = kind(*arguments, **options)
            connection.watch = self.watch
            return connection
        return make


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Raises where the library would read the whole body of a redirect, and follow it to ftp too."""

    def http_error_302(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
                       headers: http.client.HTTPMessage) -> None:
        if address := headers.get("Location"):
            fp.close()
            raise RedirectError(urllib.parse.urljoin(req.full_url, address))

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def open_watched(address: str, agent: str, timeout: float, watch: Watch) -> http.client.HTTPResponse:
    """The answer to a GET, its head read and its body not.

    Raises:
        RedirectError: the answer is a redirect.
        OSError, ValueError, http.client.HTTPException: there is none, or the address is malformed.
    """
    opener = urllib.request.OpenerDirector()  # without the library's handlers of ftp and files
    for handler in (urllib.request.ProxyHandler(), urllib.request.HTTPDefaultErrorHandler(),
                    urllib.request.HTTPErrorProcessor(), _Redirects(), _Handler(watch)):
        opener.add_handler(handler)
    request = urllib.request.Request(address, headers={"User-Agent": agent})
    response: http.client.HTTPResponse = opener.open(fullurl=request, timeout=timeout)
    return response
