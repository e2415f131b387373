"""Which op has a kernel, and what memory that takes, without writing it.

Lowering asks for it, and writing kernels takes longer than all else where their code is there from an earlier process.
So it is kept with the code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.cache import CodeCache, cache_folder, source_digest
from graphnet.runtime.native.emit.call import Unsupported
from graphnet.runtime.native.emit.module import Form, Kernel, full_text, write_kernel

_LIBRARY = __name__.partition(".")[0] + "."
_MOST = 5000


class _Facts:
    """What is known by the digests of ops and forms, as it is kept in a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._cache, self._key = CodeCache(folder), f"{source_digest()} kernels"
        self._new = False
        self.known: dict[str, Any] = json.loads((source_digest() and self._cache.read(self._key)) or "{}")

    def add(self, digest: str, found: Kernel | str) -> None:
        """Remembers what was found out."""
        self._new = True
        self.known[digest] = (found if isinstance(found, str) else
                              [found.name, found.prepare, found.scratch, found.prepared, {}, {}, found.rounding,
                               found.weights])

    def save(self) -> None:
        """Keeps it for other processes, with what they have found out meanwhile."""
        if not self._new or not source_digest():
            return
        self._new = False
        merged = json.loads(self._cache.read(self._key) or "{}") | self.known
        self._cache.write(self._key, json.dumps(dict(list(merged.items())[-_MOST:])).encode())


@cache
def _facts(folder: Path | None) -> _Facts:
    return _Facts(folder)


def find_kernel(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...], form: Form) -> Kernel | str:
    """The kernel of an op, maybe without its text; or why it has none."""
    bodies = [node.op for node in op.body.nodes] if isinstance(op, Fused) else [op]
    if not all(type(one).__module__.startswith(_LIBRARY) for one in bodies):  # whose meaning may change
        return find_written(op, inputs, outputs, form)
    facts = _facts(cache_folder())
    digest = hashlib.sha256(f"{full_text(op)} {inputs} {outputs} {form}".encode()).hexdigest()
    if digest not in facts.known:
        facts.add(digest, find_written(op, inputs, outputs, form))
    fact = facts.known[digest]
    if isinstance(fact, str):
        return fact
    *fields, weights = fact
    return replace(Kernel(*fields), weights=tuple(weights))


def find_written(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...], form: Form) -> Kernel | str:
    """The kernel of an op with its text; or why it has none."""
    import graphnet.runtime.native.kernels  # noqa: F401 (registers the emitters, which take long to import)

    try:
        return write_kernel(op, inputs, outputs, form)
    except Unsupported as why:
        return str(why)


def save_what_is_known() -> None:
    """Keeps what this process found out."""
    _facts(cache_folder()).save()
