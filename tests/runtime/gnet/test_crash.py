"""A process that is killed at any moment of a save leaves the last file or the one before, whole.

The default run has a few rounds; `-m slow` runs all 200.
"""

import os
import random
import subprocess
import sys
import time

import gnet_saver
import numpy as np
import pytest

from graphnet.compiler.errors import GnetFormatError
from graphnet.runtime.gnet import load_gnet, save_gnet


def kill_a_saver(path, number, how, wait):
    """Runs a saver for `wait` seconds after its first save; returns the last generation begun and the last ended."""
    command = [sys.executable, gnet_saver.__file__, str(path), str(number), how]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        said = b""
        while b"done" not in said:
            piece = os.read(child.stdout.fileno(), 4096)
            assert piece, "the saver ended by itself"
            said += piece
        time.sleep(wait)
        child.kill()
        said += child.stdout.read()
    assert child.returncode == -9
    words = [line.split() for line in said[:said.rindex(b"\n")].split(b"\n")]
    return tuple(max(int(value) for word, value in words if word == kind) for kind in (b"start", b"done"))


def check(path, started, ended):
    """The generation in the file, which must be whole and the last or the one before.

    Raises:
        GnetFormatError: the file is not whole.
    """
    contents = load_gnet(path)
    number = contents.train["generation"]
    assert number in (started, ended)
    for tensor in contents.tensors.values():
        np.testing.assert_array_equal(tensor.array, number)
    return number


def run_rounds(folder, rounds, how):
    """Kills a saver once a round, always on the same file."""
    chance, path, number = random.Random(4), folder / "model.gnet", 0
    for _ in range(rounds):
        started, ended = kill_a_saver(path, number, how, chance.uniform(0, 0.03))
        number = check(path, started, ended) + 1
        assert len(list(folder.iterdir())) <= 2  # the file and at most one leftover: each first save cleaned up
    save_gnet(path, gnet_saver.generation(number))
    assert [entry.name for entry in folder.iterdir()] == ["model.gnet"]


@pytest.mark.parametrize("rounds", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_a_killed_save_leaves_a_whole_file(rounds, tmp_path):
    run_rounds(tmp_path, rounds, "atomic")


def test_a_writer_in_place_fails_this_test(tmp_path):
    with pytest.raises(GnetFormatError):
        run_rounds(tmp_path, 60, "in-place")


DEATHS = """
import os, signal, sys
import gnet_saver
from graphnet.runtime.gnet import save_gnet

path, calls = sys.argv[1], 0

def arm(limit):
    def deadly(real):
        def call(*args, **kwargs):
            global calls
            if calls == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            calls += 1
            return real(*args, **kwargs)
        return call
    for name in ("write", "fsync", "close", "replace", "open"):
        setattr(os, name, deadly(getattr(os, name)))

status, limit = None, 0
while status != 0:
    save_gnet(path, gnet_saver.generation(1))
    print(len(os.listdir(os.path.dirname(path))) - 1)
    child = os.fork()
    if not child:
        arm(limit)
        save_gnet(path, gnet_saver.generation(2))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.rename(path, f"{path}.{limit}.{-status}")
    limit += 1
"""


def test_death_before_each_system_call_leaves_a_whole_file(tmp_path):
    """No luck involved: each call that touches the disk is once the one before which the process dies."""
    folder = tmp_path / "saves"
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.run([sys.executable, "-c", DEATHS, str(folder / "model.gnet")], env=environment,
                           stdout=subprocess.PIPE, text=True, check=True)
    results = sorted((int(limit), int(signal), check(path, 2, 1)) for path in folder.iterdir()
                     for _, _, limit, signal in [path.name.split(".")])
    generations = [generation for _, _, generation in results]
    assert generations == sorted(generations)  # once the new file is there it stays
    assert set(generations) == {1, 2}
    assert [signal for _, signal, _ in results] == [9] * (len(results) - 1) + [0]
    assert len(results) > 15
    litter = [int(line) for line in child.stdout.split()]
    assert litter == list(range(len(litter)))  # before each round, the files of the rounds before and no leftover
