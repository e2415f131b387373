"""Fixtures of the data tests: a tiny set in MNIST's form, a local mirror, and a cache of their own."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cut_sample
import numpy as np
import pytest

from graphnet.data.files.idx import encode_idx, idx_digest, write_idx
from graphnet.data.mnist import download, mnist_files
from graphnet.data.mnist import load as mnist
from graphnet.data.mnist.mnist_files import IdxFile, IdxPair

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache directory, so that no test sees the user's; nor does any use the user's proxy."""
    directory = tmp_path / "cache"
    monkeypatch.setenv("GRAPHNET_CACHE", str(directory))
    monkeypatch.setenv("no_proxy", "*")
    return directory


@dataclass
class TinySet:
    """The four arrays of a small set with MNIST's shapes, and the table entries that describe them."""

    arrays: dict[IdxFile, np.ndarray]

    def write(self, directory: Path, packed: bool = True) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        for file, array in self.arrays.items():
            write_idx(directory / (file.packed_name if packed else file.name), array)
        return directory


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> TinySet:
    """60 + 30 random images, six and three of each class, that stand in for MNIST's table of files."""
    rng = np.random.default_rng(5)

    def pair(original: IdxPair, per_class: int) -> dict[IdxFile, np.ndarray]:
        labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), per_class))
        images = rng.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
        return {
            IdxFile(file.name, len(encode_idx(array)), idx_digest(array)): array
            for file, array in ((original.images, images), (original.labels, labels))
        }

    train, test = pair(mnist_files.TRAIN, 6), pair(mnist_files.TEST, 3)
    table = {"TRAIN": IdxPair(*train), "TEST": IdxPair(*test), "MNIST_FILES": (*train, *test)}
    for module in (mnist_files, mnist, cut_sample, download):
        for name in table.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, table[name])
    return TinySet({**train, **test})


@dataclass
class Mirror:
    """An HTTP server on this machine; a path without an answer gets 404."""

    address: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, content: bytes) -> None:
        """Serves a file as it should be."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

        self.answers[path] = answer

    def serve(self, directory: Path, under: str = "good") -> str:
        """Serves the files of a directory; returns their address."""
        for path in directory.iterdir():
            self.put(f"/{under}/{path.name}", path.read_bytes())
        return f"{self.address}/{under}/"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    """A running `Mirror`."""
    site = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requested.append(self.path)
            site.answers.get(self.path, lambda handler: handler.send_error(404))(self)

        def log_message(self, *arguments: object) -> None:
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()
