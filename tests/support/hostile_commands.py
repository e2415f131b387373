"""Puts files through all that looks at files, under limits of time and memory, and says what came of it.

A program of its own (`python hostile_commands.py SCRATCH.npy FILE …`), so that it may be killed: prints a line of JSON
for each use of each file, with what was refused and the largest memory so far.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import graphnet as gn
from graphnet.cli import main
from graphnet.inspect.random_samples import random_samples

SECONDS, MEGABYTES = 10, 512
DIM = 16  # of a free dim
COMMANDS = ("verify", "info", "diff", "summary", "explain", "predict")


def _open(path: str) -> None:
    with gn.open(path) as file:
        str(file.graph)
        for name in file:
            file[name].sum()


def _explain(path: str) -> None:
    network = gn.load(path)
    str(network.explain("predict", 1, **dict.fromkeys(network.graph.free_dims, DIM)))


def _predict(path: str) -> None:
    network = gn.load(path)
    network.predict(random_samples(network, 1)[0])


API: dict[str, Callable[[str], object]] = {
    "gn.open": _open, "gn.load": gn.load, "summary()": lambda path: str(gn.load(path).summary()),
    "explain()": _explain, "predict()": _predict}


def run_api(use: Callable[[str], object], path: str) -> str:
    """The refusal, "" if there was none."""
    try:
        use(path)
    except gn.GraphNetError as error:
        return str(error) or "refused without a word"
    return ""


def run_command(command: str, path: str, samples: str) -> str:
    """What it printed as an error, "" if nothing; any other exception is not caught."""
    more = {"diff": [path], "predict": [samples]}.get(command, [])
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        code = main([command, path, *more])
    return errors.getvalue().removesuffix("\n") if code else ""


def write_samples(path: str, target: Path) -> str:
    """A sample that fits the file's input, if it can be made at all; of another shape if not."""
    shape: tuple[int, ...] = (1, 1)
    with contextlib.suppress(gn.GraphNetError, IndexError), gn.open(path) as file:
        declared = file.graph.types[file.graph.inputs[0].value].shape
        shape = tuple(1 if isinstance(dim, str) else dim for dim in declared)
    np.save(target, np.zeros(shape if np.prod(shape) < 1e6 else (1, 1), np.float32))
    return str(target)


def limit_this_process() -> None:
    """Memory beyond what is mapped by now fails to be given; time beyond the limit for a use ends the process."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + (MEGABYTES << 20),) * 2)


def most_memory() -> int:
    """The most that this process had in memory at any moment; what `getrusage` says begins with its parent's."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) >> 10


def uses_of(path: str, samples: str) -> dict[str, Callable[[], str]]:
    """Every use of a file, by name."""
    uses: dict[str, Callable[[], str]] = {name: lambda use=use: run_api(use, path) for name, use in API.items()}
    return uses | {command: lambda command=command: run_command(command, path, samples) for command in COMMANDS}


def outcome(use: Callable[[], str]) -> dict[str, object]:
    """What came of a use."""
    start = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(start) + SECONDS + 1, resource.RLIM_INFINITY))
    try:
        refused, fault = use(), ""
    except Exception as error:  # noqa: BLE001 - that there is none is what is tested
        refused, fault = "", f"{type(error).__name__}: {error}"
    return {"refused": refused, "fault": fault, "megabytes": most_memory(),
            "seconds": round(time.process_time() - start, 2)}


def main_program(paths: list[str], scratch: Path) -> None:
    """Prints the lines."""
    limit_this_process()
    for path in paths:
        for name, use in uses_of(path, write_samples(path, scratch)).items():
            print(json.dumps({"file": Path(path).name, "use": name} | outcome(use)), flush=True)


if __name__ == "__main__":
    main_program(sys.argv[2:], Path(sys.argv[1]))
