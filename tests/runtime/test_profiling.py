import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.ops import Fused
from graphnet.compiler.planning.program import Program
from graphnet.inspect.random_samples import random_samples
from graphnet.runtime.profile_report import Profile
from graphnet.runtime.profiling import Run, make_profile, measure_peak, split_by_layer

STEPS = 3
pytestmark = pytest.mark.numpy_backend  # profiles of native Programs have tests of their own, beside the backend's


@pytest.fixture(scope="module")
def profile() -> Profile:
    net = small_networks.image_network()
    return net.profile(*random_samples(net, 8), steps=STEPS)


def test_every_instruction_has_a_row(profile: Profile) -> None:
    program = small_networks.image_network().program("train", 8)
    assert [row.flops for row in profile.instructions] == [i.flops for i in program.instructions]
    assert [row.phase for row in profile.instructions] == [i.phase for i in program.instructions]
    assert all(row.seconds >= 0 for row in profile.instructions)
    assert profile.flops == program.flops


def test_layers_share_out_all_the_time_and_all_the_flops(profile: Profile) -> None:
    assert sum(row.seconds for row in profile.layers) == pytest.approx(sum(i.seconds for i in profile.instructions))
    assert sum(row.flops for row in profile.layers) == profile.flops
    names = [row.layer for row in profile.layers]
    assert set(names) >= {"conv", "pool", "hidden", "logits", "loss", "optimizer"}
    assert len(set(names)) == len(names)
    by_name = {row.layer: row for row in profile.layers}
    assert by_name["conv"].forward > 0
    assert by_name["conv"].backward > 0
    assert by_name["conv"].update == 0
    assert by_name["optimizer"].update > 0
    assert by_name["conv"].kind == "Conv2D"
    assert by_name["conv"].source.startswith("small_networks.py:")


def test_a_fused_instruction_works_for_the_layers_of_its_ops() -> None:
    x = gn.Input((50,), name="x")
    h = gn.layers.ReLU(name="relu")(gn.layers.Dense(20, name="dense")(x))
    program = gn.compile(gn.Model(x, h)).program("predict", 4)
    (instruction,) = program.instructions
    assert isinstance(instruction.op, Fused)
    shares = {origin.layer: part for origin, part in split_by_layer(instruction).items()}
    dense, relu = 4 * 20 * (2 * 50 + 1), 4 * 20
    assert shares["dense"] == (pytest.approx(dense / (dense + relu)), dense)
    assert shares["relu"] == (pytest.approx(relu / (dense + relu)), relu)


def test_the_trace_is_what_viewers_read(profile: Profile, tmp_path: Path) -> None:
    profile.save_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = trace["traceEvents"]
    assert trace["displayTimeUnit"] == "ms"
    assert {e["ph"] for e in events} == {"M", "X"}
    timed = [e for e in events if e["ph"] == "X"]
    for event in timed:
        assert event.keys() == {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"}
        assert event["ts"] >= 0
        assert event["dur"] >= 0
    steps = [e for e in timed if e["cat"] == "step"]
    inner = [e for e in timed if e["cat"] != "step"]
    assert len(steps) == STEPS
    assert len(inner) == STEPS * len(profile.instructions)
    for step, parts in zip(steps, np.array_split(np.array(inner, object), STEPS), strict=True):
        assert [e["args"]["instruction"] for e in parts] == list(range(len(profile.instructions)))
        assert parts[0]["ts"] == step["ts"]
        assert parts[-1]["ts"] + parts[-1]["dur"] == pytest.approx(step["ts"] + step["dur"])
        for one, following in pairwise(parts):
            assert one["ts"] + one["dur"] == pytest.approx(following["ts"])


def test_tables_and_json(profile: Profile) -> None:
    text = str(profile)
    assert text.startswith(f"profile image, train (N=8): median of {STEPS} steps\n")
    assert "GFLOP/s that a matrix product reaches here" in text
    assert profile.instruction_table().count("\n") == len(profile.instructions) + profile.busy
    data = json.loads(json.dumps(profile.to_json()))
    assert "starts" not in data
    assert data["flops"] == profile.flops
    assert data["share_of_peak"] == pytest.approx(profile.flops / profile.step_seconds / profile.peak)


def test_a_network_is_afterwards_what_it_was() -> None:
    net, same = (gn.compile(small_networks.residual_model(), **small_networks.TRAINED) for _ in range(2))
    samples = random_samples(net, 4)
    net.train_on_batch(*samples)
    same.train_on_batch(*samples)
    net.profile(*samples, steps=2)
    net.profile(samples[0], steps=2)
    assert net.step == 1
    assert net.train_on_batch(*samples) == same.train_on_batch(*samples)
    for name, weight in same.weights.items():
        np.testing.assert_array_equal(net.weights[name], weight)
    for name, state in same.states.items():
        np.testing.assert_array_equal(net.states[name], state)


def test_without_labels_predictions_are_timed() -> None:
    net = gn.compile(small_networks.image_model())
    found = net.profile(random_samples(net, 2)[0], steps=1)
    assert found.mode == "predict"
    assert all(row.backward == row.update == 0 for row in found.layers)


def test_the_peak_is_measured_once() -> None:
    assert measure_peak("float32") == measure_peak("float32") > 1e8


@pytest.mark.parametrize("steps", [0, 1.5, True])
def test_steps_must_be_whole(steps: object) -> None:
    net = small_networks.image_network()
    with pytest.raises(gn.ArgumentError, match=r"profile: steps is .*, but it must be a whole number ≥ 1"):
        net.profile(random_samples(net, 2)[0], steps=steps)  # type: ignore[arg-type]


COUNT = 21


@cache
def program() -> Program:
    return small_networks.image_network().program("train", 8)


def made(parts: list[list[int]], cpu: float = 1.0, peak: float = 1e12) -> Profile:
    """A profile of runs whose instructions took so many ns each, while the process computed for a share of the time."""
    runs = [Run((0, *np.cumsum(times).tolist()), round(cpu * sum(times))) for times in parts]
    return make_profile(program(), "train", runs, peak)


def check_shares(profile: Profile) -> None:
    """No figure contradicts another, whatever was measured."""
    assert sum(row.seconds for row in profile.instructions) == pytest.approx(profile.step_seconds)
    assert sum(row.seconds for row in profile.layers) == pytest.approx(profile.step_seconds)
    assert max(row.flops / row.seconds for row in (*profile.layers, *profile.instructions)) <= profile.peak * (1 + 1e-9)
    assert profile.share_of_peak <= 1
    shares = [float(word[:-1]) for line in (str(profile), profile.instruction_table()) for word in line.split()
              if word.endswith("%")]
    assert max(shares) <= 100 or profile.busy


def test_a_quiet_machine_is_not_said_to_be_busy() -> None:
    found = made([[1000 + 10 * run] * COUNT for run in range(5)], cpu=0.97)
    check_shares(found)
    assert (found.busy, found.warning, found.disturbances) == (False, "", ())
    assert (found.fastest_seconds, found.step_seconds) == (COUNT * 1000 / 1e9, COUNT * 1020 / 1e9)
    assert found.cpu_share == pytest.approx(0.97, rel=1e-3)
    assert "busy" not in str(found) + found.instruction_table()
    assert found.to_json()["busy"] is False


EVEN = [1000] * COUNT
BUSY: dict[str, tuple[dict[str, Any], str]] = {
    "without the processor": ({"parts": [EVEN] * 5, "cpu": 0.41}, "the process had a processor for 41% of the time"),
    "spread": ({"parts": [EVEN, *[[2000] * COUNT] * 4]}, "half of the steps took 2.0 times the fastest one or more"),
    "apart": ({"parts": [[1000 + 40_000 * (i == run) for i in range(COUNT)] for run in range(5)]},
              "the medians of the parts add up to 34% of that of the whole"),
    "peak": ({"parts": [EVEN] * 5, "peak": 1e6}, "times as fast as the matrix product that was to show the peak"),
}


@pytest.mark.parametrize("name", BUSY)
def test_a_busy_machine_is_said_to_be_one(name: str) -> None:
    arguments, text = BUSY[name]
    found = made(**arguments)
    check_shares(found)
    assert found.busy
    (reason,) = found.disturbances
    assert text in reason
    for report in (str(found), found.instruction_table()):
        assert report.endswith(f"\nthe machine was busy, so figures are rough: {reason}; the fastest step took "
                               f"{found.fastest_seconds * 1e3:.3f} ms")
    data = json.loads(json.dumps(found.to_json()))
    assert (data["busy"], data["disturbances"]) == (True, [reason])


def test_random_times_never_contradict_one_another() -> None:
    rng = np.random.default_rng(0)
    for steps in range(1, 9):
        times = (rng.integers(1, 1000, (steps, COUNT)) * rng.choice([1, 1000], (steps, COUNT), p=[0.9, 0.1])).tolist()
        check_shares(made(times, cpu=rng.uniform(0.1, 2), peak=float(rng.choice([1e6, 1e9, 1e12]))))


def test_real_figures_agree(profile: Profile) -> None:
    check_shares(profile)
    assert profile.cpu_share > 0
    assert 0 < profile.fastest_seconds <= profile.step_seconds


def test_a_network_that_computes_nothing_takes_no_time() -> None:
    x = gn.Input((3, 1))
    profile = gn.compile(gn.Model(x, gn.layers.Flatten()(x))).profile(np.zeros((2, 3, 1), np.float32), steps=2)
    assert (profile.flops_per_second, profile.busy) == (0, False)
    assert "a step takes 0.000 ms: 0.0 GFLOP/s, 0% of the" in str(profile)
    assert profile.instruction_table()
