"""What there is to read of native Programs: explain, the text of a Program, dumps; and what memory they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import small_networks
from allocations import bytes_held

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.compiler.planning.batching import cut
from graphnet.inspect.random_samples import random_samples


def network(make: Any = small_networks.image_model, **options: Any) -> gn.Network:
    return gn.compile(make(), **small_networks.TRAINED, backend="native", **options)


def noisy() -> gn.Model:
    x = gn.Input((8,), name="x")
    h = gn.layers.GaussianNoise(0.1, name="noise")(gn.layers.Dense(4)(x))
    return gn.Model(x, gn.layers.Dense(2)(h))


def test_blocks_are_explained() -> None:
    found = network().explain("train", 100)
    count = len(network().program("train", 100).instructions)
    lines = (f"native backend at N=100: {count} of {count} instructions are native",
             "  the batch is worked off in 2 blocks of 64 samples, and one Program serves all sizes")
    assert found.backend is not None
    assert found.backend.lines == lines
    assert "\n".join(lines) in str(found)
    assert lines[0] in found._repr_html_()
    data = json.loads(json.dumps(found.to_json()))["backend"]
    assert data == {"name": "native", "dims": {"N": 100}, "instructions": count, "between": [], "block": 64,
                    "why_whole": ""}


def test_without_a_size_it_is_about_one_sample() -> None:
    found = network().explain().backend
    assert found is not None
    assert found.lines[1] == "  the batch is worked off in 1 block of 1 samples, and one Program serves all sizes"
    assert network(small_networks.sequence_model).explain().backend is None  # the steps are not known


def test_why_a_batch_is_worked_off_whole() -> None:
    found = network(small_networks.residual_model).explain("train", 20).backend
    assert found is not None
    reason = "batch_norm of bn1 does not work on each sample by itself"
    assert found.lines[1] == f"  the batch of 20 is worked off whole: {reason}"


def test_what_numpy_runs_is_explained_and_in_the_text_of_the_program() -> None:
    net = gn.compile(noisy(), "mse", "sgd", backend="native")
    found, program = net.explain("train", 20), net.program("train", 20)
    (index,) = program.between
    assert found.backend is not None
    reason = "gaussian_noise has no native kernel"
    assert found.backend.lines[1] == f"  NumPy runs instruction {index}, gaussian_noise of noise: {reason}"
    assert found.to_json()["backend"]["between"][0]["reason"] == "gaussian_noise has no native kernel"
    assert f"\n  instruction {index} runs on NumPy: gaussian_noise has no native kernel\n" in program.text
    assert program.text.startswith("program model (N=20, native)\n")


def test_numpy_programs_say_nothing_of_backends() -> None:
    net = small_networks.image_network(backend="numpy")
    assert net.explain("train", 20).backend is None
    assert net.program("train", 20).text.startswith("program image (N=20)\n")
    assert net.program("train", 20).between == {}


@pytest.mark.parametrize(("make", "reason"), [
    (small_networks.image_model, ""),
    (small_networks.residual_model, "batch_norm of bn1 does not work on each sample by itself")])
def test_what_mixes_samples(make: Any, reason: str) -> None:
    graph = network(make).stages("train")[-1].after
    found, why = cut(graph)
    assert why == reason
    assert (found is None) is bool(reason)


def test_states_that_belong_to_a_batch() -> None:
    x = gn.Input((5, 3), name="x")
    net = gn.compile(gn.Model(x, gn.layers.LSTM(2, stateful=True, name="lstm")(x)), backend="native")
    found = net.explain("predict", 4).backend
    assert found is not None
    assert "is worked off whole: the state lstm/" in found.lines[-1]
    assert found.lines[-1].endswith("belongs to the samples of one batch")


def test_a_dump_has_the_text_of_native_programs(tmp_path: Path) -> None:
    net = network(dump=tmp_path / "dump")
    x, y = random_samples(net, 20)
    net.train_on_batch(x, y)
    net.train_on_batch(*random_samples(net, 40))  # of the same Program
    folders = sorted(path.name for path in (tmp_path / "dump").iterdir() if path.is_dir())
    assert folders == ["01-train-N=32", "02-train-N=64"]
    text = (tmp_path / "dump" / "01-train-N=32" / "program.txt").read_text()
    assert text == network().program("train", 20).text


# Memory -------------------------------------------------------------------------------------------------------------


def allocated(net: gn.Network, mode: str, batch: int, **dims: int) -> int:
    """Bytes that are really there once a Program has run."""
    runner = net._runner
    x, y = random_samples(net, batch, dims=dims)
    if mode == "train":
        net.train_on_batch(x, y)
    else:
        net.predict(x, batch_size=batch)
    (run,) = runner.programs._executables.values()
    return bytes_held(run)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch", [1, 20, 150])
@pytest.mark.parametrize("mode", ["train", "predict"])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_memory_is_what_is_allocated(make: Any, mode: str, batch: int, threads: int) -> None:
    net = network(make, threads=threads)
    dims = dict.fromkeys(net.graph.free_dims, 7)
    report = net.memory(mode, batch, **dims)
    assert allocated(net, mode, batch, **dims) == report.total
    assert report.dims == {"N": batch, **dims}
    parts = (report.parameters, report.gradients, report.optimizer, report.states, report.arena, report.prepared,
             report.threads, report.results)
    assert sum(parts) == report.total
    assert report.activations + report.scratch + report.unused == report.arena


def test_each_thread_has_scratch_of_its_own_and_the_rest_is_the_same() -> None:
    one, three = (network(threads=threads).memory("train", 150) for threads in (1, 3))
    assert three.threads == 3 * one.threads > 0
    assert three.total - one.total == 2 * one.threads
    said = f"each of 3 threads works in {one.threads:,} bytes of its own; memory_limit counts those of one"
    assert said in str(three)
    assert "memory image (N=150; blocks of 64)" in str(three)
    assert json.loads(json.dumps(three.to_json()))["thread_count"] == 3


@pytest.mark.parametrize("make", small_networks.MODELS)
def test_a_limit_is_exact_and_does_not_depend_on_threads(make: Any) -> None:
    taken = network(make).program("train", 20, **dict.fromkeys(network(make).graph.free_dims, 7)).taken
    for threads in (1, 4):
        net = network(make, memory_limit=taken, threads=threads)
        dims = dict.fromkeys(net.graph.free_dims, 7)
        assert net.program("train", 20, **dims).taken <= taken
        least = smallest(make, threads, dims)
        assert network(make, memory_limit=least, threads=threads).program("train", 20, **dims).taken <= least
    assert smallest(make, 1, dims) == smallest(make, 4, dims)


def smallest(make: Any, threads: int, dims: dict[str, int]) -> int:
    with pytest.raises(gn.MemoryLimitError) as caught:
        network(make, memory_limit=1, threads=threads).program("train", 20, **dims)
    return int(str(caught.value).split("a limit of at least ")[1].replace(",", ""))


def test_programs_that_were_not_used_for_long_are_forgotten() -> None:
    net = gn.compile(small_networks.sequence_model(), **small_networks.TRAINED, backend="native", threads=1)
    binder: Any = net._runner.programs.bind
    binder._known.clear()
    known = len(binder._known)
    net.predict(random_samples(net, 1)[0])
    assert len(binder._known) == known + 1
