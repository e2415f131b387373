"""Writes what the compiler made to a folder: the graph's text after each pass, each Program, and an index of it all."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from graphnet.common.checks import check_path
from graphnet.common.version import version
from graphnet.compiler.atomic import replace_file
from graphnet.compiler.errors import DataError
from graphnet.compiler.passes.pipeline import Stage
from graphnet.compiler.planning.program import Program

INDEX = "index.json"
_OURS = re.compile(r"\d{2,}-[\w=.,-]+/[\w.-]+\.txt")


class Dump:
    """A folder that gets a subfolder for each Program that is made, e.g. `01-train-N=64`.

    What an earlier dump left there is replaced, and nothing else: a file that is not in its index, or that was changed
    since, is never written over.

    Raises:
        ArgumentError: the path is no path.
        DataError: the folder holds something that no dump wrote, or that was changed since.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(check_path("compile", path, "dump", "a folder"))
        self._programs: list[dict[str, Any]] = []
        self._clear()

    def __call__(self, mode: str, stages: Sequence[Stage], program: Program) -> None:
        """Writes the stages of one Program, and the Program."""
        dims = ",".join(f"{symbol}={size}" for symbol, size in program.dims.items()) or "fixed"
        folder = f"{len(self._programs) + 1:02}-{mode}-{dims}"
        (self.path / folder).mkdir(parents=True, exist_ok=True)
        files = [self._write(f"{folder}/{name}", text, facts) for name, text, facts in _texts(stages, program)]
        self._programs.append({"model": program.name, "mode": mode, "dims": dict(program.dims),
                               "digest": program.digest, "files": files})
        self._write_index()

    def _write(self, name: str, text: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        data = text.encode()
        try:
            replace_file(self.path / name, [data], overwrite=False)
        except FileExistsError:
            raise DataError(f"dump: {self.path / name} is there already and no dump wrote it; move it away") from None
        return {"file": name, **facts, "sha256": hashlib.sha256(data).hexdigest()}

    def _write_index(self) -> None:
        index = {"producer": f"graphnet {version()}", "programs": self._programs}
        replace_file(self.path / INDEX, [f"{json.dumps(index, indent=1)}\n".encode()])

    def _clear(self) -> None:
        """Removes an earlier dump, after making sure that all of it is one."""
        if self.path.exists() and not self.path.is_dir():
            raise DataError(f"dump: {self.path} is a file; give the path of a folder")
        if not self.path.exists() or not any(self.path.iterdir()):
            return
        index = self.path / INDEX
        listed = _read_index(index) if index.is_file() else None
        if listed is None:
            raise DataError(f"dump: {self.path} holds files that no dump wrote; give a new or an empty folder")
        found = {self.path / name: digest for name, digest in listed.items() if (self.path / name).is_file()}
        for path, digest in found.items():
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                raise DataError(f"dump: {path} was changed since it was written; move it away, or give another folder")
        for path in found:
            path.unlink()
        for folder in {path.parent for path in found}:
            if not any(folder.iterdir()):
                folder.rmdir()
        index.unlink()


def _texts(stages: Sequence[Stage], program: Program) -> Iterator[tuple[str, str, dict[str, Any]]]:
    declared = stages[0].before
    yield "00-declared.txt", declared.text, {"pass": "", "nodes": len(declared.nodes)}
    for number, stage in enumerate(stages, 1):
        yield (f"{number:02}-{stage.applied.name}.txt", stage.after.text,
               {"pass": stage.applied.name, "changed": stage.changed, "nodes": len(stage.after.nodes)})
    yield "program.txt", program.text, {"instructions": len(program.instructions)}


def _read_index(path: Path) -> dict[str, str] | None:
    """The files that an index lists, with their digests; None if it is not an index that a dump wrote."""
    try:
        index = json.loads(path.read_text())
        files = {entry["file"]: entry["sha256"] for made in index["programs"] for entry in made["files"]}
    except (ValueError, KeyError, TypeError):
        return None
    ours = all(isinstance(name, str) and _OURS.fullmatch(name) for name in files)
    return files if ours and str(index.get("producer", "")).startswith("graphnet ") else None
