"""A short run of the fuzzer of `.gnet` files, in a process of its own with little memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fuzz_gnet.py")


@pytest.mark.parametrize("count", [1_500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_no_mutation_gets_past_the_reader(count):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, str(SCRIPT), "--count", str(count)], env=environment, capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr
    counts = {field: int(number) for number, field in (line.split() for line in run.stdout.splitlines())}
    assert sum(counts.values()) == count
    assert {"preamble", "header", "tensors", "tensor", "graph", "loaded"} <= set(counts)  # every layer was reached
