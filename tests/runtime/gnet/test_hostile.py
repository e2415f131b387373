"""Files that were made to do harm: each is refused in one line or done, within seconds and megabytes, whatever looks at
it. The files are sound, so that no reader can refuse them for their bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import hostile_commands
import pytest

FOLDER = Path(__file__).parent / "hostile"
FILES = sorted(FOLDER.glob("*.gnet"))
LONG = ["matmul_chain.gnet", "s_tanh_chain.gnet"]
"""Thousands of nodes, of which one of the kind is enough by default."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


def outcomes(files: list[Path], folder: Path) -> list[dict[str, Any]]:
    """What came of every use of every file, all in one process."""
    run = subprocess.run([sys.executable, hostile_commands.__file__, str(folder / "x.npy"), *map(str, files)],
                         capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    found = [json.loads(line) for line in run.stdout.splitlines()]
    last = found[-1] if found else None
    assert run.returncode == 0, f"the process ended with {run.returncode} after {last}: {run.stderr[-500:]}"
    return found


def check(found: list[dict[str, Any]], files: list[Path]) -> None:
    """Every use of every file came to an end, none with a traceback, all within the limits."""
    uses = {*hostile_commands.API, *hostile_commands.COMMANDS}
    assert {(item["file"], item["use"]) for item in found} == {(file.name, use) for file in files for use in uses}
    bad = [item for item in found if item["fault"] or len(item["refused"].splitlines()) > 1
           or len(item["refused"]) > 1000 + len(str(FOLDER)) or item["seconds"] > hostile_commands.SECONDS
           or item["megabytes"] > hostile_commands.MEGABYTES]
    assert not bad, "\n".join(map(str, bad))


def test_hostile_files_are_refused_in_a_line_or_done(tmp_path: Path) -> None:
    files = [file for file in FILES if file.name not in LONG]
    check(outcomes(files, tmp_path), files)


@pytest.mark.slow
def test_long_hostile_files_are_refused_in_a_line_or_done(tmp_path: Path) -> None:
    files = [FOLDER / name for name in LONG]
    check(outcomes(files, tmp_path), files)


def test_the_files_are_small_and_all_there() -> None:
    assert len(FILES) == 18
    assert sum(file.stat().st_size for file in FILES) < 180_000
