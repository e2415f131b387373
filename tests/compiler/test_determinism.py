"""The same model gives the same Program, in every process."""

import os
import subprocess
import sys
from pathlib import Path

import random_graphs

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from random_graphs import random_recipe
for seed in range(6):
    net = random_recipe(seed).network(optimizer="adam")
    for mode in ("train", "predict", "evaluate"):
        program = net.program(mode, 3)
        print(seed, mode, program.digest, net.stages(mode)[-1].after.digest, program.peak)
"""


def digests(hash_seed: str, directory: Path) -> list[str]:
    """What a process with this seed of string hashes prints; it starts where no module of the project can be found."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT, str(Path(random_graphs.__file__).parent)],
                          env=os.environ | {"PYTHONHASHSEED": hash_seed}, cwd=directory, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_programs_do_not_depend_on_the_process(tmp_path):
    first, second = (digests(seed, tmp_path) for seed in ("1", "4242"))
    assert len(first) == 18
    assert first == second


def test_equal_models_have_equal_graphs_and_programs():
    first, second = (random_graphs.random_recipe(3).network(optimizer="adam") for _ in range(2))
    assert first.program("train", 4).text == second.program("train", 4).text
    assert first.program("train", 4).digest != first.program("train", 40).digest


def test_digest_tells_models_apart():
    nets = [random_graphs.random_recipe(seed).network(optimizer="adam") for seed in range(6)]
    assert len({net.program("train", 2).digest for net in nets}) == len(nets)
