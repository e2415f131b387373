"""A callback that presses Ctrl-C."""

from __future__ import annotations

import signal

import graphnet as gn
from graphnet.training.callback import Callback


class Interrupts(Callback):
    """An interrupt at the end of a step; None for none."""

    def __init__(self, step: int | None) -> None:
        self.step = step

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        if step == self.step:
            signal.raise_signal(signal.SIGINT)
