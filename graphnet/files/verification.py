"""Whether a file is sound, and whether its network still does what it did when it was saved."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from graphnet.compiler import html
from graphnet.compiler.words import label, screenful
from graphnet.files.plain_text import as_json
from graphnet.network.loading import network_of
from graphnet.runtime.gnet import load_hashed
from graphnet.saving.bounds import bounds_of
from graphnet.saving.saved_samples import Replay, replay

TOLERANCE = 1e-4
"""Of the largest output (or of 1, if that is more): machines add up float32 in different orders."""


@dataclass(frozen=True)
class Verification:
    """What was found of a file in which everything holds together.

    Attributes:
        path: of the file.
        sha256: of the whole file, in hex.
        size: in bytes.
        tensors: how many there are.
        replays: for each output what became of the samples in the file; None if it has none.
        tolerance: share of the largest output by which an output may be off.
    """

    path: str
    sha256: str
    size: int
    tensors: int
    replays: dict[str, Replay] | None
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the network does what it did."""
        return all(self._holds(item) for item in (self.replays or {}).values())

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON holds it."""
        replays = None if self.replays is None else {
            name: {"samples": item.samples, "largest_difference": as_json(item.difference),
                   "allowed": as_json(self._allowed(item)), "passed": self._holds(item)}
            for name, item in self.replays.items()}
        return {"file": self.path, "passed": self.passed, "sha256": self.sha256, "bytes": self.size,
                "tensors": self.tensors, "replays": replays}

    def __str__(self) -> str:
        lines = [f"{label(self.path)}: {self.size:,} bytes, SHA-256 {self.sha256}",
                 f"  sound: preamble, header, graph, {self.tensors} tensors, training set-up"]
        if self.replays is None:
            return "\n".join([*lines, "  no samples to replay (net.save(path, samples=x[:2]) stores some)"])
        for name, item in self.replays.items():
            verdict = "passed" if self._holds(item) else f"FAILED, allowed is {self._allowed(item):.3g}"
            lines.append(f"  {item.samples} samples replayed, output {label(name)}: largest difference "
                         f"{item.difference:.3g}: {verdict}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return screenful(str(self), f"Verification of {label(self.path)}: {'passed' if self.passed else 'FAILED'}")

    def _repr_html_(self) -> str:
        title, *notes = str(self).splitlines()
        return html.frame(title, html.lines(notes))

    def _allowed(self, item: Replay) -> float:
        return self.tolerance * max(1.0, item.scale)

    def _holds(self, item: Replay) -> bool:
        return item.difference <= self._allowed(item)


def verify_file(path: str | os.PathLike[str], expect_sha256: str | None = None,
                tolerance: float = TOLERANCE, *, memory_limit: int | None = None,
                work_limit: int | None = None, backend: str | None = None,
                threads: int | None = None) -> Verification:
    """Reads a file as `gn.load` does, checking every byte of it, and lets the network compute its samples again.

    Args:
        path: of the file.
        expect_sha256: what the SHA-256 of the whole file must be.
        tolerance: share of the largest output, or of 1, by which an output may be off.
        memory_limit: bytes that computing the samples may take; by default what suits the file's size, as in `gn.load`.
        work_limit: operations likewise.
        backend: what computes them, as `gn.load` takes it; so is `threads`.
        threads: of the native backend.

    Raises:
        GnetFormatError: the file is refused, or computing its samples takes more than a limit.
        ArgumentError: the digest is none, or the backend cannot be used.
        OSError: the file cannot be read.
    """
    contents, digest, size = load_hashed(path, expect_sha256)
    network = network_of(contents, backend=backend, threads=threads)
    with contents.locating():
        replays = replay(network, contents, bounds_of(contents, memory_limit, work_limit))
    return Verification(os.fspath(path), digest, size, len(contents.tensors), replays, tolerance)
