import json
from collections.abc import Callable

import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.inspect.footprint import measure_memory
from graphnet.compiler.planning.liveness import arena_bytes
from graphnet.compiler.planning.program import ARENA, SCRATCH

SIZES = {"T": 7}


def network(make: Callable[[], gn.Model]) -> gn.Network:
    return gn.compile(make(), **small_networks.TRAINED)


def dims(make: Callable[[], gn.Model]) -> dict[str, int]:
    return SIZES if make is small_networks.sequence_model else {}


@pytest.mark.parametrize("mode", ["train", "evaluate", "predict", "gradients"])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_the_parts_add_up(make: Callable[[], gn.Model], mode: str) -> None:
    net = network(make)
    report, program = net.memory(mode, 4, **dims(make)), net.program(mode, 4, **dims(make))
    assert report.arena == program.buffers[ARENA] == report.activations + report.scratch + report.unused
    shared = sum(size for name, size in program.buffers.items() if name != SCRATCH)
    assert report.total == shared + report.threads + report.results
    kept = (report.parameters + report.gradients + report.optimizer + report.states + report.prepared + report.threads
            + report.results)
    assert report.total == kept + report.arena
    assert min(report.activations, report.scratch, report.unused) >= 0
    assert report.parameters == sum(w.nbytes for w in net.weights.values())
    trains = mode == "train"
    assert report.gradients == trains * report.parameters
    assert report.optimizer == trains * 2 * report.parameters


def test_sharing_saves_memory_and_the_report_says_how_much() -> None:
    report = gn.compile(small_networks.residual_model(), **small_networks.TRAINED).memory("train", 64)
    assert report.values > report.arena
    assert f"it would be {report.values:,} bytes ({report.values / report.arena:.1f} times)" in str(report)


def test_the_peak_is_the_fullest_instruction() -> None:
    program = small_networks.image_network().program("train", 64)
    report = measure_memory(program)
    assert report.peak is not None
    live = [sum(parts) for parts in arena_bytes(program)]
    assert live[report.peak.instruction] == max(live) == report.activations + report.scratch
    assert f"fullest at instruction {report.peak.instruction}, {report.peak.op} of {report.peak.layer}" in str(report)


def test_states_have_their_own_line() -> None:
    net = gn.compile(small_networks.residual_model(), **small_networks.TRAINED)
    report = net.memory("train", 2)
    assert report.states >= sum(state.nbytes for state in net.states.values())
    assert f"  states        {report.states:>{len(f'{report.total:,}')},} bytes" in str(report)


def test_json() -> None:
    report = small_networks.image_network().memory("train", 4)
    data = json.loads(json.dumps(report.to_json()))
    assert (data["total"], data["arena"], data["dims"]) == (report.total, report.arena, {"N": 4})
    assert data["peak"]["layer"]
