"""What presses Ctrl-C: a callback, and a count of opcodes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import graphnet as gn
from graphnet.training.callback import Callback


class Interrupts(Callback):
    """An interrupt at the end of a step; None for none."""

    def __init__(self, step: int | None) -> None:
        self.step = step

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        if step == self.step:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def interrupted_after(opcodes: int, folder: Path | None = None) -> Iterator[list[int]]:
    """Within the block SIGINT arrives after so many opcodes, of the files in a folder if one is given; the list gets
    how many there were."""
    count = [0]

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        frame.f_trace_opcodes = True
        if event == "opcode" and (folder is None or Path(frame.f_code.co_filename).parent == folder):
            count[0] += 1
            if count[0] == opcodes:
                sys.settrace(None)
                frame.f_trace = None
                signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)
