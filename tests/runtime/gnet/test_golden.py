"""Golden files of format 1.0. They are never regenerated: what was once written loads for ever, to the same bytes.

Each byte flip and each truncation of one is tried in a process of its own with little memory.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphnet.runtime.gnet import dumps, load_gnet, open_gnet, read_info
from graphnet.runtime.gnet.preamble import Preamble

FILES = sorted((Path(__file__).parent / "golden").glob("*.gnet"))
NAMES = [path.stem for path in FILES]


def test_there_are_golden_files_and_they_are_small():
    assert len(FILES) >= 4
    assert max(path.stat().st_size for path in FILES) <= 8192


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_golden_file_loads_and_saves_to_the_same_bytes(path):
    assert dumps(load_gnet(path)) == path.read_bytes()


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_golden_file_is_of_version_1_0(path):
    preamble = read_info(path).preamble
    assert (preamble.major, preamble.minor, preamble.flags) == (1, 0, 0)
    assert isinstance(preamble, Preamble)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_mapped_golden_file_gives_the_same_tensors(path):
    with open_gnet(path) as file:
        for name, tensor in load_gnet(path).tensors.items():
            assert file[name].dtype == tensor.array.dtype
            assert file[name].tobytes() == tensor.array.tobytes()


FLIPS = """
import sys
from pathlib import Path
from gnet_mutator import judge
from gnet_samples import changed_byte
from fuzz_gnet import limit_address_space

limit_address_space()
file = Path(sys.argv[1]).read_bytes()
for at in range(len(file)):
    for mask in eval(sys.argv[2]):
        assert judge(changed_byte(file, at, mask)) is not None, f"byte {at} ^ {mask} went unnoticed"
    assert judge(file[:at]) is not None, f"the first {at} bytes passed as the file"
assert judge(file) is None
print(len(file))
"""


def try_damage(path, masks):
    """Every flip by each mask and every truncation of a file."""
    fuzz = Path(__file__).parents[2] / "fuzz"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(fuzz), *sys.path]), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", FLIPS, str(path), masks]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(path.stat().st_size)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_each_flip_and_each_truncation_is_refused(path):
    try_damage(path, "[1 << at % 8]")


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_all_eight_flips_of_each_byte_are_refused(path):
    try_damage(path, "[1 << bit for bit in range(8)] + [255]")


def test_the_numbers_in_the_golden_files_are_what_they_were():
    weights = load_gnet(next(path for path in FILES if path.stem == "images")).tensors["conv2d/weight"].array
    np.testing.assert_array_equal(weights.ravel()[:5], np.float32([-1.5, -1.25, -1.0, -0.75, -0.5]))
