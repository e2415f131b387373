"""The checks beside the tests: lowest versions, whitespace, what is run before a commit."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from graphnet.engine import backends

ROOT = Path(__file__).parents[1]
CI = ROOT / ".ci"


def whitespace(*paths: Path) -> tuple[int, str]:
    """The exit code and the output of the check for these files."""
    done = subprocess.run([sys.executable, CI / "whitespace", *paths], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_lowest_versions_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["test"], *extras["native"]]
    lines = (CI / "lowest.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        each.replace(">=", "==").partition(",")[0] for each in wanted]
    assert all(re.fullmatch(r"[a-z-]+>=[0-9.]+(,<[0-9.]+)?", each) for each in wanted)


def test_the_extra_is_what_the_native_backend_takes() -> None:
    lowest, above = [".".join(map(str, version)) for version in backends.LLVMLITE]
    wanted = f"llvmlite>={lowest},<{above}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["native"] == [wanted]
    assert f'"{wanted}"' in backends._FIX


@pytest.mark.parametrize(("content", "fault"), [
    (b"a\nb \n", "file:2: blanks at the end of the line"), (b"a\t\n", "file:1: blanks at the end of the line"),
    (b"a\r\n", "file:1: blanks at the end of the line"), (b"a", "file: no newline at the end"),
    (b"a\n\n", "file: blank lines at the end"),
    (b"\0" * 500_001, "file: 500,001 bytes, but at most 500,000 are allowed")],
    ids=["blank", "tab", "return", "unfinished", "blank lines", "large"])
def test_faults_of_files_are_named(content: bytes, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    code, text = whitespace(tmp_path / "file")
    assert (code, text) == (1, f"{tmp_path}/{fault}\n")


@pytest.mark.parametrize("content", [b"", b"a\n", b"a\n\nb\n", b" \0 \n "], ids=["empty", "line", "gap", "binary"])
def test_sound_files_pass(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert whitespace(tmp_path / "file") == (0, "")


def test_editors_are_tried_where_the_readme_s_command_was_run() -> None:
    """What is installed for other checks would hide what that command leaves out."""
    steps = (CI / "run").read_text().split("\nstep ")
    after = next(number for number, step in enumerate(steps) if '-c "$test_command"' in step) + 1
    assert steps[after].splitlines()[1:2] == [".ci/editors"]


@pytest.mark.parametrize("check", ["ruff check", ".ci/types", ".ci/whitespace"])
def test_each_check_before_a_commit_is_one_of_all_submissions(check: str) -> None:
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert check in hooks
    assert any(line.startswith(check) for line in (CI / "run").read_text().splitlines())
