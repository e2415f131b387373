"""A run that is killed at any moment and resumed leaves the files of the run that was never killed.

The moments are random, but what comes of them is not. The default run has one; `-m slow` runs all 20, which go round
LeNet, the model with batch norm and dropout, and the stateful one.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from digit_files import write_digits
from run_files import arguments, check_same

from graphnet.data import Dataset, make_tales

KINDS = ("lenet", "vgg", "char_rnn")


@pytest.fixture(scope="module")
def few(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 1,000 training and 200 test digits, and a text."""
    folder = tmp_path_factory.mktemp("few")
    write_digits(folder, sample, 1_000, 200)
    (folder / "tales.txt").write_text(make_tales(40_000))
    return folder


def start(command: Sequence[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "graphnet", *command], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[str]) -> None:
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "")


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Waits until there is such a file, or the process has ended."""
    while not path.exists() and process.poll() is None:
        time.sleep(0.002)


def run_killed(command: Sequence[str], folder: Path, chance: random.Random, startup: float, seconds: float) -> None:
    """Starts a run and kills it at a random moment, up to three times; the last one is left alone.

    Args:
        command: what to run.
        folder: the directory of the run.
        chance: chooses the moments.
        startup: about how long it takes to the first checkpoint; a third of the kills come before twice that time.
        seconds: about how long it takes from there to its end.
    """
    command = [*command, "--run-dir", str(folder), "--checkpoint-every", str(chance.choice((1, 3, 10, 25)))]
    process = start(command)
    for _ in range(chance.randint(1, 3)):
        if chance.randrange(3):
            wait_for(folder / "checkpoint.gnet", process)
            time.sleep(chance.uniform(0, seconds))
        else:
            time.sleep(chance.uniform(0, 2 * startup))
        process.kill()
        process.communicate()
        begun = any((folder / name).exists() for name in ("checkpoint.gnet", "model.gnet"))
        process = start(["train", "--resume", str(folder)] if begun else command)
    finish(process)


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_run_leaves_the_files_of_a_whole_one(rounds: int, few: Path, tmp_path: Path) -> None:
    chance, seconds = random.Random(20), {}
    for name in KINDS[:rounds]:
        begin = time.perf_counter()
        process = start([*arguments(name, few), "--run-dir", str(tmp_path / name)])
        wait_for(tmp_path / name / "checkpoint.gnet", process)
        middle = time.perf_counter()
        finish(process)
        seconds[name] = middle - begin, time.perf_counter() - middle
    for number in range(rounds):
        name = KINDS[number % len(KINDS)]
        folder = tmp_path / f"{number}"
        run_killed(arguments(name, few), folder, chance, *seconds[name])
        check_same(folder, tmp_path / name)
