"""Profiles of native Programs: about the whole batch, with what a run does besides its instructions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import small_networks

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.inspect.random_samples import random_samples
from graphnet.runtime.native.executable import SAMPLES_IN, SAMPLES_OUT, WEIGHTS
from graphnet.runtime.native.peak import measure_peak
from graphnet.runtime.profile_report import Profile

BATCH = 150  # two blocks of 64 and a part of one


def network(**options: Any) -> gn.Network:
    return gn.compile(small_networks.image_model(), **small_networks.TRAINED, backend="native", **options)


@pytest.fixture(scope="module")
def profile() -> Profile:
    net = network(threads=1)
    return net.profile(*random_samples(net, BATCH), steps=3)


def test_figures_are_those_of_the_whole_batch(profile: Profile) -> None:
    whole = small_networks.image_network(backend="numpy").program("train", BATCH)
    native = network().program("train", BATCH)
    assert native.dims == {"N": 64}
    assert (profile.dims, profile.block, profile.backend, profile.threads) == ({"N": BATCH}, 64, "native", 1)
    # Most ops of the two are the same, and what they cost grows with the batch.
    assert profile.flops == pytest.approx(whole.flops, rel=0.01)
    assert sum(row.flops for row in profile.layers) == pytest.approx(profile.flops, abs=len(profile.layers))


def test_parts_add_up_to_the_step(profile: Profile) -> None:
    beside = [other for other in profile.others if not other.kept]
    assert {other.name for other in beside} >= {SAMPLES_IN, SAMPLES_OUT}
    parts = sum(i.seconds for i in profile.instructions) + sum(other.seconds for other in beside)
    assert parts == pytest.approx(profile.step_seconds)
    layers = sum(row.seconds for row in profile.layers) + sum(other.seconds for other in beside)
    assert layers == pytest.approx(profile.step_seconds)


def test_each_instruction_is_timed_in_every_block(profile: Profile) -> None:
    first, last = network().program("train", BATCH).each or (0, 0)
    for index in range(len(profile.instructions)):
        assert profile.parts.count(index) == (3 if first <= index < last else 1)
    assert profile.parts.count(SAMPLES_IN) == profile.parts.count(SAMPLES_OUT) == 3
    assert all(len(starts) == len(profile.parts) + 1 for starts in profile.starts)


def test_report_and_trace(profile: Profile) -> None:
    text = str(profile)
    assert text.startswith("profile image, train (N=150; native, 1 thread; blocks of 64): median of 3 steps\n")
    assert "other ms" in text
    assert f"\n  {SAMPLES_IN}" in text
    assert "GFLOP/s that multiply-adds alone reach here" in text
    table = profile.instruction_table()
    assert table.count("\n") == len(profile.instructions) + len(profile.others) + profile.busy
    assert SAMPLES_IN in table
    assert "other ms" in profile._repr_html_()
    data = json.loads(json.dumps(profile.to_json()))
    assert (data["backend"], data["threads"], data["block"]) == ("native", 1, 64)
    assert "starts" not in data
    assert "parts" not in data
    assert {other["name"] for other in data["others"]} == {other.name for other in profile.others}
    events = profile.trace()["traceEvents"]
    assert len([e for e in events if e["ph"] == "X"]) == 3 * (len(profile.parts) + 1)


def test_what_is_kept_for_the_next_prediction_is_no_part_of_a_step() -> None:
    net = network(threads=2)
    found = net.profile(random_samples(net, 20)[0], steps=2)
    kept = [other for other in found.others if other.kept]
    assert [other.name for other in kept] == [WEIGHTS]
    assert f"{WEIGHTS} in " in str(found)
    assert "again only when the weights have changed" in str(found)
    assert "native, 2 threads; blocks of 32" in str(found)
    parts = sum(row.seconds for row in (*found.instructions, *found.others) if row not in kept)
    assert parts == pytest.approx(found.step_seconds)


def test_what_numpy_runs_is_named() -> None:
    x = gn.Input((8,), name="x")
    h = gn.layers.GaussianNoise(0.1, name="noise")(gn.layers.Dense(4)(x))
    net = gn.compile(gn.Model(x, gn.layers.Dense(2)(h)), "mse", "sgd", backend="native")
    found = net.profile(*random_samples(net, 9), steps=2)
    assert found.block == 0
    (between,) = [i for i in found.instructions if i.between]
    assert "gaussian_noise" in between.op
    assert f"NumPy runs instruction {between.index}, {between.op} of noise (" in str(found)
    assert "gaussian_noise has no native kernel" in str(found)


@pytest.mark.parametrize("make", small_networks.MODELS)
def test_a_network_is_afterwards_what_it_was(make: Any) -> None:
    net, same = (gn.compile(make(), **small_networks.TRAINED, backend="native") for _ in range(2))
    samples = random_samples(net, 20)
    for each in (net, same):
        each.train_on_batch(*samples)
        each.predict(samples[0])
    net.profile(*samples, steps=2)
    net.profile(samples[0], steps=2)
    assert net.step == 1
    np.testing.assert_array_equal(net.predict(samples[0]), same.predict(samples[0]))
    assert net.train_on_batch(*samples) == same.train_on_batch(*samples)
    np.testing.assert_array_equal(net.predict(samples[0]), same.predict(samples[0]))
    for name, weight in same.weights.items():
        np.testing.assert_array_equal(net.weights[name], weight)


def test_the_peak_is_measured_once_for_each_number_of_threads() -> None:
    assert measure_peak(1) == measure_peak(1) > 1e9
    assert measure_peak(2) > 1e9
