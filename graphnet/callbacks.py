"""What `fit` can call at the end of each epoch: things that depend on how the training goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphnet.checks import check_number, check_whole
from graphnet.compiler.errors import ArgumentError
from graphnet.training import Callback

if TYPE_CHECKING:
    from graphnet.network import Network

MODES = ("min", "max")


@dataclass
class ReduceOnPlateau(Callback):
    """Lowers the learning rate when a figure has stopped to improve; the rule is PyTorch's ReduceLROnPlateau.

    An epoch is better if it beats the best one by more than the share `threshold` of it. After more than `patience`
    epochs in a row that are not, `Network.rate_factor`, which multiplies the rate of every step, is multiplied by
    `factor`. So it works together with any schedule, and a saved network keeps what was lowered.

    Args:
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        factor: what the rate is multiplied by, in (0, 1).
        patience: epochs without improvement that are let pass, ≥ 0.
        mode: "min" if smaller is better, "max" if larger is.
        threshold: share of the best figure, ≥ 0.
        cooldown: epochs after a reduction that are not counted, ≥ 0.
        least: the smallest `Network.rate_factor`, ≥ 0.
    """

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    mode: str = "min"
    threshold: float = 1e-4
    cooldown: int = 0
    least: float = 0.0
    best: float = field(default=math.inf, init=False)
    waited: int = field(default=0, init=False)
    resting: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        owner = "ReduceOnPlateau"
        check_number(owner, "factor", self.factor, below=1, above=0)
        check_number(owner, "threshold", self.threshold, 0)
        check_number(owner, "least", self.least, 0)
        check_whole(owner, "patience", self.patience, 0)
        check_whole(owner, "cooldown", self.cooldown, 0)
        if self.mode not in MODES:
            raise ArgumentError(owner, "mode", self.mode, f"it must be one of {', '.join(map(repr, MODES))}")
        self.best = math.inf if self.mode == "min" else -math.inf

    def on_epoch_end(self, network: Network, epoch: int, logs: dict[str, float]) -> None:
        """Takes note of the epoch's figure and lowers the rate if it is time.

        Raises:
            ArgumentError: there is no such figure.
        """
        if self.monitor not in logs:
            hint = "; give fit validation_data" if self.monitor.startswith("val_") else ""
            raise ArgumentError("ReduceOnPlateau", "monitor", self.monitor,
                                f"the epoch has only {', '.join(map(repr, logs))}{hint}")
        self._count(logs[self.monitor])
        if self.waited > self.patience:
            network.rate_factor = max(network.rate_factor * self.factor, self.least)
            self.waited, self.resting = 0, self.cooldown

    def _count(self, figure: float) -> None:
        self.waited += 1
        if self._is_better(figure):
            self.best, self.waited = figure, 0
        if self.resting > 0:
            self.resting, self.waited = self.resting - 1, 0

    def _is_better(self, figure: float) -> bool:
        if self.mode == "min":
            return figure < self.best * (1 - self.threshold)
        return figure > self.best * (1 + self.threshold)
