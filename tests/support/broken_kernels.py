"""Breaks native kernels on purpose, for tests of what finds faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from graphnet.compiler.op import Op
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.native import known
from graphnet.runtime.native.emit import module
from graphnet.runtime.native.emit.call import Call, Emit, Emitter


@contextmanager
def broken(op: type[Op], factor: float = 1.5, output: int = 0) -> Iterator[None]:
    """Within the block a result of the kernels of this op, or of what is fused to it, is multiplied by a factor."""
    find = module.emitter_of

    def found(call: Call) -> Emitter:
        emitter = find(call)
        return replace(emitter, emit=_wrong(emitter.emit, factor, output)) if type(call.root) is op else emitter

    _forget()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "emitter_of", found)
            patch.setenv("GRAPHNET_CACHE", "off")
            yield
    finally:
        _forget()


def _forget() -> None:
    """What was written, or is known of it, is written and found out anew."""
    for kept in (module._written, known._facts):
        kept.cache_clear()


def _wrong(emit: Emit, factor: float, output: int) -> Any:
    def emit_wrong(f: Function, call: Call) -> None:
        emit(f, call)
        f.meet()
        count = call.outputs[output].nbytes // 4 if output < len(call.outputs) else 0
        if count == 0:
            return
        with f.one_thread(), f.loop(0, count) as i:
            f.put(f.scalar(call.y[output], i) * factor, call.y[output], i)
    return emit_wrong
