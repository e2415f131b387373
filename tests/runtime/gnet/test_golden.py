"""Golden files of format 1.0. They are never regenerated: what was once written loads for ever, to the same bytes.

Each byte flip and each truncation of one is tried in a process of its own with little memory.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gnet_networks import NETWORKS

import graphnet as gn
from graphnet.files import verify_file
from graphnet.network.loading import network_of
from graphnet.runtime.gnet import dumps, load_gnet, open_gnet, read_info
from graphnet.runtime.gnet.wire.preamble import Preamble
from graphnet.saving.saving import contents_of

DIGESTS = {
    "branches": "159e3c33cd5a161ef5f1680f68fe2970d2635c7c016bcea820734adc7bd9fbda",
    "checkpoint": "202f157b86b72f1ab802674982187180bb3f7ab7399fb1be608c390063836d99",
    "dtypes": "a19fc9ffcbbfa442fa67116ee2ab3ac4e12e1b2909de5584e32099d440884fbf",
    "images": "a65f2ca92ec20242139b358a09e142c770c0eb473f4a595e99a9cf3090367b88",
    "recurrent": "a42b444dbfacbdb5fe6e30f35c130df789248d7cdce6fbc7c03f622d94f019cd",
    "stateful": "75205ed88bffc59764e2f15bebefa2c77889af9d1a1588edbe312bc357fd5be3",
    "trained": "9d3c9c95052587480d45cd20959ca0ac4c3b6a98a99b1f297b163942316b1566",
}
FILES = sorted((Path(__file__).parent / "golden").glob("*.gnet"))
NAMES = [path.stem for path in FILES]
OF_NETWORKS = [path for path in FILES if path.stem in ("checkpoint", "stateful", "trained")]


def test_golden_files_are_what_they_were_and_small():
    assert {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES} == DIGESTS
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


@pytest.mark.parametrize("path", OF_NETWORKS, ids=lambda path: path.stem)
def test_the_network_of_a_golden_file_would_be_saved_as_it_was(path):
    """All but who wrote it: weights, moments, states, training set-up, samples, where `fit` stands."""
    contents = load_gnet(path)
    again = contents_of(network_of(contents), notes=contents.meta)
    for name, tensor in contents.tensors.items():
        if name.startswith("output:"):  # computed anew; float32 sums depend on the machine
            np.testing.assert_allclose(again.tensors[name].array, tensor.array, rtol=1e-5, atol=1e-6)
            again.tensors[name] = tensor
    assert dumps(again) == path.read_bytes()


@pytest.mark.parametrize("path", OF_NETWORKS, ids=lambda path: path.stem)
def test_the_network_of_a_golden_file_computes_what_it_did(path):
    found = verify_file(path)
    assert found.passed
    assert (found.replays is not None) == (path.stem == "trained")


def test_the_checkpoint_can_be_gone_on_from():
    state = gn.load(next(path for path in FILES if path.stem == "checkpoint"))._fit_state
    assert (state.step, state.begun, state.position, state.scores["samples"]) == (7, 2, 4, 4)
    assert [callback["class"] for callback in state.callbacks] == ["EarlyStopping", "Keep"]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_still_described_by_the_same_keys(name, monkeypatch):
    monkeypatch.setenv("GRAPHNET_BACKEND", "numpy")  # others are named in files
    golden, now = load_gnet(Path(__file__).parent / "golden" / f"{name}.gnet"), contents_of(NETWORKS[name]())
    assert {t.name: t.role for t in now.tensors.values()} == {t.name: t.role for t in golden.tensors.values()}
    assert keys(now.train) == keys(golden.train)
    assert [node.op for node in now.graph.nodes] == [node.op for node in golden.graph.nodes]


def keys(plain):
    """The structure of plain data: its keys, and its values where they are neither numbers nor arrays."""
    if isinstance(plain, dict):
        return {key: keys(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [keys(value) for value in plain]
    return plain if isinstance(plain, str) else type(plain)


FLIPS = """
import sys
from functools import cache
from pathlib import Path
from gnet_mutator import judge
from gnet_samples import changed_byte
from fuzz_gnet import limit_address_space
from graphnet.runtime.gnet import head, reader

limit_address_space()
if sys.argv[3] == "quick":  # a flip among the tensors leaves the header as it was: what it says is checked once
    head.parse_head, check, sound = cache(head.parse_head), reader.check_footprint, []
    def check_once(graph, *options):
        if not any(graph is known for known in sound):
            check(graph, *options)
            sound.append(graph)
    reader.check_footprint = check_once
file = Path(sys.argv[1]).read_bytes()
for at in range(len(file)):
    for mask in eval(sys.argv[2]):
        assert judge(changed_byte(file, at, mask)) is not None, f"byte {at} ^ {mask} went unnoticed"
    assert judge(file[:at]) is not None, f"the first {at} bytes passed as the file"
assert judge(file) is None
print(len(file))
"""


def try_damage(path, masks, pace):
    """Every flip by each mask and every truncation of a file."""
    fuzz = Path(__file__).parents[2] / "fuzz"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(fuzz), *sys.path]), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", FLIPS, str(path), masks, pace]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(path.stat().st_size)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_each_flip_and_each_truncation_is_refused(path):
    try_damage(path, "[1 << at % 8]", "quick")


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_all_eight_flips_of_each_byte_are_refused(path):
    try_damage(path, "[1 << bit for bit in range(8)] + [255]", "thorough")


def test_the_numbers_in_the_golden_files_are_what_they_were():
    weights = load_gnet(next(path for path in FILES if path.stem == "images")).tensors["conv2d/weight"].array
    np.testing.assert_array_equal(weights.ravel()[:5], np.float32([-1.5, -1.25, -1.0, -0.75, -0.5]))
