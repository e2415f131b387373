"""The callback that saves networks along the way."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypedDict, cast

from graphnet.common.checks import check_flag, check_whole
from graphnet.common.frozen import Check, is_library
from graphnet.compiler.errors import ArgumentError
from graphnet.metrics.base import MIN, NEITHER
from graphnet.training.callback import Trained
from graphnet.training.file_names import COUNTS, check_fields, check_template, fill_in, may_name, template_fields
from graphnet.training.monitor import Monitor


class KeptFile(TypedDict):
    """A file that was written, and its rank among them: the one with the lowest goes first."""

    path: str
    rank: float


class ModelCheckpoint(Monitor):
    """Saves the network after epochs, by default after each that is better than all before.

    Each file is replaced in one step, so it always holds a whole network. What is the best figure, and which files were
    written, is remembered over calls of `fit` with the same object, and in checkpoints.

    Fields in braces in the path stand for figures, with a format of numbers if wanted:
    `w.{epoch:02d}-{val_loss:.2f}.gnet` is a file for each epoch that is saved; there are `{epoch}`, `{step}`, and every
    figure of the history. With a path without fields there is one file, which is written anew. So

        ModelCheckpoint("best.gnet")                            # the best
        ModelCheckpoint("last.gnet", best_only=False)           # the last
        ModelCheckpoint("w.{epoch:02d}.gnet", keep=3)           # the best three
        ModelCheckpoint("w.{epoch:02d}.gnet", best_only=False)  # all of them; with keep=3 the last three

    It is for keeping good networks; to go on with a training that was cut, see the argument `checkpoint` of `fit`.

    Keras / PyTorch: `callbacks.ModelCheckpoint` / –. Keras saves after each epoch unless `save_best_only` is set, and
    never deletes one.

    Args:
        path: the `.gnet` file. What figures put into it that names of files cannot hold, such as `/` or `:`, becomes
            `_`; for braces themselves write `{{` and `}}`.
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        best_only: whether to save only what is better than ever, or with `keep` better than the worst of the files that
            are kept; if not, `monitor` is not looked at.
        mode: see `Monitor`.
        keep: how many files stay: the best ones, or the last ones without `best_only`; the others that this callback
            has written are deleted. None keeps all.

    Attributes:
        best: the best figure so far.
        saved: the path of the last file; None before the first.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd")
        >>> path, x, y = "w.{epoch:02d}.gnet", np.ones((4, 2)), np.ones((4, 1))
        >>> last2 = gn.callbacks.ModelCheckpoint(path, best_only=False, keep=2)
        >>> _ = net.fit(x, y, epochs=3, callbacks=[last2], verbose=False)
        >>> import os
        >>> sorted(os.listdir()), last2.saved
        (['w.02.gnet', 'w.03.gnet'], 'w.03.gnet')
    """

    saved: str | None = None
    remembered: ClassVar[Mapping[str, Any]] = {"saved": str | None, "_files": tuple[KeptFile, ...]}
    added = ("_files",)
    _checks: ClassVar[Mapping[str, Check]] = {
        **Monitor._checks, "path": check_template, "best_only": check_flag,
        "keep": lambda owner, name, value: None if value is None else check_whole(owner, name, value)}

    def __init__(self, path: str | os.PathLike[str], monitor: str = "val_loss", *, best_only: bool = True,
                 mode: str | None = None, keep: int | None = None) -> None:
        super().__init__(monitor, mode=mode)
        self._files: tuple[KeptFile, ...] = ()
        self.path, self.best_only, self.keep = cast(str, path), best_only, keep
        self._check_keep()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was made with."""
        return super().arguments | {"path": self.path, "best_only": self.best_only, "keep": self.keep}

    @property
    def watches(self) -> bool:
        """Whether it looks at the figure."""
        return self.best_only

    def check_figures(self, figures: Mapping[str, str | None]) -> None:
        """Refuses fields of the path, too, that no epoch has.

        Raises:
            ArgumentError: see `Monitor`, or there is no such figure, or it is no number.
        """
        super().check_figures(figures)
        self._check_keep()
        if is_library(self):
            numbers = [name for name, mode in figures.items() if mode != NEITHER]
            check_fields(type(self).__name__, self.path, [*COUNTS, *numbers])

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave; of the files only those that the path may name, since others get deleted."""
        super().set_state(state)
        self.note(_files=tuple(file for file in self._files if may_name(self.path, file["path"])))

    def on_epoch_end(self, network: Trained, epoch: int, logs: dict[str, Any]) -> None:
        """Saves the network if it is time, and deletes files that are not to be kept.

        Raises:
            ArgumentError: there is no such figure.
            GnetFormatError: the network holds what no file can.
            OSError: a file cannot be written or deleted.
        """
        figures = logs | {"epoch": epoch, "step": getattr(network, "step", 0)}
        check_fields(type(self).__name__, self.path, figures)
        path, rank = fill_in(self.path, figures), float(epoch)
        if self.best_only:
            figure = self.figure(logs)
            rank = -figure if self.mode == MIN else figure
            if not self._is_wanted(figure, rank, os.path.abspath(path)):
                return
            self.note(best=figure if self.gain(figure) > 0 else self.best)
        network.save(path)
        self.note(saved=path)
        self._keep_file(os.path.abspath(path), rank)

    def _is_wanted(self, figure: float, rank: float, path: str) -> bool:
        """Whether a figure is better than ever, or than the worst file that would go for it; never if it is NaN."""
        if self.keep is None:
            return self.gain(figure) > 0
        same = [file for file in self._files if file["path"] == path]
        if same or len(self._files) >= self.keep:
            return rank > min(file["rank"] for file in same or self._files)
        return not math.isnan(figure)

    def _keep_file(self, path: str, rank: float) -> None:
        """Takes note of a file that was written, and deletes those of lower rank that are too many."""
        if self.keep is None:
            return
        files = sorted([file for file in self._files if file["path"] != path] + [{"path": path, "rank": rank}],
                       key=lambda file: file["rank"])
        for file in files[:-self.keep]:
            with suppress(FileNotFoundError):
                os.remove(file["path"])
        self.note(_files=tuple(files[-self.keep:]))

    def _check_keep(self) -> None:
        if self.keep is not None and self.keep > 1 and not template_fields(self.path):
            raise ArgumentError(type(self).__name__, "keep", self.keep, f"the path {self.path!r} is that of a single "
                                "file; put a field into it, such as {epoch:02d}")
