"""The directory of a run: which files it holds, and how to claim one without losing what is there."""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.compiler.errors import ArgumentError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOG_CSV, LOG_TEXT, METRICS, CURVES, MODEL = "log.csv", "log.txt", "metrics.json", "curves.png", "model.gnet"
CHECKPOINT = "checkpoint.gnet"
"""What a run that was cut goes on from; gone when the run is finished."""
FILES = (CHECKPOINT, LOG_CSV, LOG_TEXT, METRICS, CURVES, MODEL)
DEFAULT_PARENT = Path("runs")


class RunDirectory:
    """A directory for the files of one run.

    Args:
        path: where it is or is to be.
        overwrite: whether the files of an earlier run in it may be replaced; other files stay as they are.

    Raises:
        ArgumentError: there is something at `path` that the run would damage. Nothing was changed.
    """

    def __init__(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        self.path, self._overwrite = Path(path), overwrite
        if self.path.is_dir():
            self._check_files()
        elif os.path.lexists(self.path):
            raise _refuse(self.path, "it is no directory; choose another")

    def _check_files(self) -> None:
        from graphnet.compiler.atomic import is_temporary

        present = sorted(name for name in os.listdir(self.path) if not is_temporary(name))
        if present and not self._overwrite:
            shown = ", ".join(present[:5]) + (", …" if len(present) > 5 else "")
            raise _refuse(self.path, f"it is not empty ({shown}); choose another, or allow it with --overwrite")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Makes the directory if there is none, and keeps other runs out of it within the block.

        The system drops the lock when a process ends, however it ends. Where it has no such locks, nothing is kept out.

        Raises:
            ArgumentError: another run is writing there.
            OSError: the directory cannot be made.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            if fcntl is not None:
                descriptor = os.open(self.path, os.O_RDONLY)
                stack.callback(os.close, descriptor)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise _refuse(self.path, "another run is writing there; wait for it, or choose another") from None
                except OSError:  # a file system without locks
                    pass
            yield

    def begin(self, save: Callable[[Path], None]) -> None:
        """Makes a checkpoint the first file of the run, within `claimed`; then the files of an earlier run go.

        At no moment is there neither the earlier run nor one that can be gone on with.

        Args:
            save: writes the checkpoint to a path, as a whole or not at all.

        Raises:
            ArgumentError: there are files by now, and they may not be replaced.
            OSError: one cannot be written or removed.
        """
        self._check_files()
        save(self.file(CHECKPOINT))
        self.clear()

    def clear(self) -> None:
        """Removes all files of a run but the checkpoint.

        Raises:
            OSError: one cannot be removed.
        """
        for name in FILES:
            if name != CHECKPOINT:
                self.file(name).unlink(missing_ok=True)

    def file(self, name: str) -> Path:
        """The path of one of FILES."""
        return self.path / name

    def write_metrics(self, figures: Mapping[str, Any]) -> None:
        """Writes metrics.json; numbers that are not finite, which JSON lacks, become null."""
        text = json.dumps({key: plain(value) for key, value in figures.items()}, indent=2, allow_nan=False)
        self.write(METRICS, f"{text}\n".encode())

    def write(self, name: str, content: bytes) -> None:
        """Makes this the content of one of FILES, as a whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        from graphnet.compiler.atomic import replace_file

        replace_file(self.file(name), [content])

    def remove(self, name: str) -> None:
        """Removes one of FILES, if it is there."""
        self.file(name).unlink(missing_ok=True)


def working_folder() -> str:
    """The working directory; "" if it is not there any more, from which every path stays as it is."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def new_run_path(name: str, parent: Path = DEFAULT_PARENT) -> Path:
    """A path that is not taken: `runs/<name>-<date>-<time>`."""
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    paths = (parent / (stem if count == 1 else f"{stem}-{count}") for count in itertools.count(1))
    return next(path for path in paths if not os.path.lexists(path))


def plain(value: Any) -> Any:
    """A figure as JSON and CSV hold it: arrays as lists, numbers that are not finite as None."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _refuse(path: Path, problem: str) -> ArgumentError:
    return ArgumentError("train", "run_dir", str(path), problem)
