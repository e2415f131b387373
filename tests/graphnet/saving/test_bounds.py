"""What the network of a file may compute: bounded by the file's size before anything runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.cli import main
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.ops import Pad, ReduceSum
from graphnet.compiler.types import TensorType
from graphnet.files import verify_file
from graphnet.inspect.random_samples import random_samples
from graphnet.runs import load_recipe, model_names
from graphnet.runtime.gnet import Contents, Tensor, by_name, save_gnet
from graphnet.runtime.work import measure_work
from graphnet.saving.bounds import LEAST_WORK

L = gn.layers
X = np.random.default_rng(3).random((9, 1, 8, 8), dtype=np.float32)


def padded(padding: int, path: Path, rows: int = 1) -> Path:
    """A sound file of some hundred bytes whose network pads a number with so many zeros, with samples of it."""
    b = Builder("g")
    x = b.input("x", TensorType("float32", ("N", 1)))
    y = b.add(ReduceSum((1,)), b.add(Pad(1, padding, padding), x))
    samples = [Tensor("input:x", "const", np.ones((rows, 1), np.float32)),
               Tensor("output:y", "const", np.ones(rows, np.float32))]
    meta = {"samples": {"inputs": ["x"], "outputs": ["y"]}}
    save_gnet(path, Contents(b.build([Output("y", y)]), by_name(samples), {}, meta))
    return path


def run_command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


def test_verify_refuses_a_padding_of_a_billion_with_the_figure(tmp_path: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    path = padded(10**9, tmp_path / "a.gnet")
    assert path.stat().st_size < 500
    with pytest.raises(gn.GnetFormatError) as caught:
        verify_file(path)
    assert caught.value.field == "meta.samples"
    assert caught.value.reason == ("computing its sample again takes 402,000,400,401 operations of work, but the limit "
                                   "is 50,000,000,000; if you trust the file, use --work-limit 402000400401")
    code, err = run_command(capsys, "verify", path)
    assert (code, err.count("\n")) == (1, 1)
    code, err = run_command(capsys, "verify", path, "--work-limit", 10**12)
    assert (code, err.count("\n")) == (1, 1)
    assert re.search(r"takes 8,000,00\d,\d{3} bytes of memory, but the limit is 268,435,456; if you trust the file, "
                     r"use --memory-limit 800000\d{4}\n", err)


@pytest.mark.numpy_backend  # native Programs need memory for a block alone
def test_the_rows_of_a_replay_count(tmp_path: Path) -> None:
    """Memory is that of a batch, work that of all samples."""
    assert verify_file(padded(10**5, tmp_path / "a.gnet", rows=300)).passed
    with pytest.raises(gn.GnetFormatError, match="computing its 300 samples again takes 12,060,520,300 operations"):
        verify_file(tmp_path / "a.gnet", work_limit=12 * 10**9)
    with pytest.raises(gn.GnetFormatError, match=r"takes 204,8\d\d,\d{3} bytes of memory"):
        verify_file(tmp_path / "a.gnet", memory_limit=200_000_000)
    assert verify_file(tmp_path / "a.gnet", memory_limit=210_000_000, work_limit=13 * 10**9).passed


def test_outputs_that_are_not_those_of_the_network_are_refused_before_it_runs(tmp_path: Path) -> None:
    network = small_networks.image_network()
    network.save(tmp_path / "a.gnet", samples=X[:2])
    from graphnet.runtime.gnet import load_gnet
    contents = load_gnet(tmp_path / "a.gnet")
    wrong = dict(contents.tensors) | {"output:logits": Tensor("output:logits", "const", np.ones((3, 3), np.float32))}
    save_gnet(tmp_path / "a.gnet", Contents(contents.graph, wrong, contents.train, contents.meta))
    with pytest.raises(gn.GnetFormatError, match=re.escape("it is (3, 3), but the network makes (2, 3)")):
        verify_file(tmp_path / "a.gnet", work_limit=1)


@pytest.mark.parametrize(("limits", "error", "text"), [
    ({}, gn.MemoryLimitError, r"g takes 8,000,004,008 bytes of memory for one sample, but the limit for its file is "
                              r"268,435,456; if you trust the file, give gn.load memory_limit=8000004008, or the "
                              r"command --memory-limit 8000004008"),
    ({"memory_limit": 9 * 10**9}, gn.WorkLimitError, r"takes 402,000,400,401 operations of work for one sample"),
    ({"work_limit": 10**12}, gn.MemoryLimitError, "bytes of memory for one sample"),
])
def test_a_loaded_network_that_takes_too_much_for_a_sample_is_looked_at_but_not_run(
        tmp_path: Path, limits: dict[str, int], error: type[Exception], text: str) -> None:
    network = gn.load(padded(10**9, tmp_path / "a.gnet"), **limits)
    assert "total" in str(network.summary())
    assert "pad" in str(network.explain("predict", 1))
    assert network.memory("predict", 1).arena >= 8 * 10**9
    for use in (lambda: network.predict(np.ones((1, 1), np.float32)), lambda: random_samples(network, 1),
                lambda: network.plot(tmp_path / "a.png", view="time")):
        with pytest.raises(error, match=text):
            use()


def test_limits_of_commands_that_run_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = padded(10**5, tmp_path / "a.gnet")
    np.save(tmp_path / "x.npy", np.ones((2, 1), np.float32))
    assert run_command(capsys, "predict", path, tmp_path / "x.npy") == (0, "")
    for option, limit in (("--work-limit", 10**7), ("--memory-limit", 10**5)):
        code, err = run_command(capsys, "predict", path, tmp_path / "x.npy", option, limit)
        assert (code, err.count("\n")) == (1, 1)
        assert "limit" in err
    for name in ("work_limit", "memory_limit"):
        with pytest.raises(gn.ArgumentError, match=f"load: {name} is 0"):
            gn.load(path, **{name: 0})


def test_how_many_samples_and_steps_are_fed_is_up_to_the_user(tmp_path: Path) -> None:
    """Free dims count as one: a file cannot know how long the sequences are that somebody feeds."""
    x = gn.Input((None, 1), name="x")
    net = gn.compile(gn.Model(x, L.SimpleRNN(1)(x)))
    net.save(tmp_path / "a.gnet")
    one = measure_work(net.graph, dict.fromkeys(net.graph.symbols, 1)).operations
    again = gn.load(tmp_path / "a.gnet", work_limit=one)
    assert again.predict(np.zeros((300, 20, 1), np.float32)).shape == (300, 1)
    with pytest.raises(gn.WorkLimitError):
        gn.load(tmp_path / "a.gnet", work_limit=one - 1).predict(np.zeros((1, 20, 1), np.float32))


@pytest.mark.parametrize("name", model_names())
def test_the_models_stay_far_below_the_default_limits(name: str) -> None:
    graph = load_recipe(name).model().graph
    dims = dict.fromkeys(graph.symbols, 64) | {"N": 2}
    assert 20 * measure_work(graph, dims).operations < LEAST_WORK


def work(make: Any, shape: tuple[int, ...]) -> int:
    x = gn.Input(shape, name="x")
    return measure_work(gn.Model(x, make(x)).graph, {"N": 1}).operations


@pytest.mark.parametrize(("make", "shape", "least"), [
    (lambda x: L.MaxPool2D(150, strides=1)(x), (1, 300, 300), 151 * 151 * 150 * 150 * 100),
    (lambda x: L.AvgPool2D(150, strides=1)(x), (1, 300, 300), 151 * 151 * 150 * 150 * 100),
    (lambda x: L.Conv2D(1, 150, padding=150)(x), (1, 1, 1), 152 * 152 * 150 * 150 * 100),
    (lambda x: L.LSTM(1)(x), (100_000, 1), 100_000 * 200_000),
    (lambda x: L.Flatten()(L.UpSample2D(1000)(x)), (1, 1, 1), 10**6 * 100),
])
def test_what_takes_long_without_floating_point_operations_is_work_too(make: Any, shape: tuple[int, ...],
                                                                       least: int) -> None:
    assert least <= work(make, shape) < 2.2 * least
