"""Whole networks have the same bits however their code is made and run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.compiler.op import Op
from graphnet.compiler.ops import Tanh
from graphnet.inspect.random_samples import random_samples
from graphnet.runtime.llvm.jit import Processor, compile_text, llvm, target_machine
from graphnet.runtime.native import cache, known
from graphnet.runtime.native.emit import module
from graphnet.runtime.native.emit.call import Call, Emitter, Unsupported
from tests.runtime.native.harness import MACHINES

COUNT = 40
MODELS = pytest.mark.parametrize("make", [pytest.param(make, marks=[pytest.mark.slow] * (number > 0))
                                          for number, make in enumerate(small_networks.MODELS)])


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code is made anew."""
    monkeypatch.setenv("GRAPHNET_CACHE", "off")


def network(make: Callable[[], gn.Model], threads: int = 1) -> gn.Network:
    return gn.compile(make(), **small_networks.TRAINED, seed=0, backend="native", threads=threads)


def bits(net: gn.Network, **options: Any) -> bytes:
    """What a fit of odd batches leaves, and a prediction."""
    x, y = random_samples(net, COUNT, dims=dict.fromkeys(sorted(net.graph.free_dims), 5))
    history = net.fit(x, y, batch_size=17, epochs=2, verbose=0, **options)
    parts = [*net.weights.values(), *net.states.values(), net.predict(x), np.array(history.history["loss"])]
    return b"".join(part.tobytes() for part in parts)


@MODELS
def test_threads_and_runs(make: Callable[[], gn.Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With code that is made anew, and with kept one."""
    monkeypatch.setenv("GRAPHNET_CACHE", str(tmp_path))
    expected = bits(network(make))
    for threads in (1, 2, 3, 4, 8):
        assert bits(network(make, threads)) == expected, f"{threads} threads"


@MODELS
def test_machines(make: Callable[[], gn.Model], monkeypatch: pytest.MonkeyPatch) -> None:
    made = set()
    for machine in MACHINES:
        monkeypatch.setattr(Processor, "machine", machine)
        made.add(bits(network(make, 2)))
    assert len(made) == 1


def optimised(level: int, text: str, processor: Processor) -> bytes:
    """Object code after all of LLVM's passes of this level, and of its code generator."""
    binding, machine = llvm(), target_machine(processor, level)
    code = binding.parse_assembly(text)
    code.triple = processor.triple
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=level))
    builder.getModulePassManager().run(code, builder)
    return bytes(machine.emit_object(code))


@pytest.mark.slow
@MODELS
def test_levels_of_optimisation(make: Callable[[], gn.Model], monkeypatch: pytest.MonkeyPatch) -> None:
    made = {bits(network(make))}
    for compiled in (partial(compile_text, level=0), partial(optimised, 1), partial(optimised, 3)):
        monkeypatch.setattr(cache, "compile_text", compiled)
        made.add(bits(network(make)))
    assert len(made) == 1


class Looking(gn.Callback):
    """Asks to be called at each step, so that each is a call of its own."""

    def on_step_end(self, network: object, step: int, logs: dict[str, float]) -> None:
        """Does nothing."""


@MODELS
def test_steps_in_one_call_and_one_by_one(make: Callable[[], gn.Model]) -> None:
    assert bits(network(make, 2)) == bits(network(make, 2), callbacks=[Looking()])


def test_a_resumed_fit(tmp_path: Path) -> None:
    class Cut(gn.Callback):
        def __init__(self, step: int) -> None:
            self.step = step

        def on_step_end(self, network: object, step: int, logs: dict[str, float]) -> None:
            if step == self.step:
                raise KeyboardInterrupt

    whole, part = (network(small_networks.image_model, 2) for _ in range(2))
    x, y = random_samples(whole, COUNT)
    fit = {"batch_size": 8, "epochs": 3, "verbose": 0}
    whole.fit(x, y, **fit)
    with pytest.raises(KeyboardInterrupt):
        part.fit(x, y, **fit, checkpoint=gn.Checkpoint(tmp_path / "c.gnet", 2), callbacks=[Cut(9)])
    resumed = gn.load(tmp_path / "c.gnet", backend="native", threads=3)
    resumed.fit(x, y, **fit, callbacks=[Cut(-1)], resume=True)
    for name, weight in whole.weights.items():
        assert resumed.weights[name].tobytes() == weight.tobytes()


def test_an_op_without_a_kernel_within_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy runs it between what all threads run."""
    def without(call: Call, find: Callable[[Call], Emitter] = module.emitter_of) -> Emitter:
        ops: list[Op] = [node.op for node in call.op.chain] if hasattr(call.op, "chain") else [call.op]
        if any(isinstance(op, Tanh) for op in ops):
            raise Unsupported("a test wants none")
        return find(call)

    def make() -> gn.Model:
        x = gn.Input((20,), name="x")
        h = gn.layers.Dense(32)(gn.layers.Tanh()(gn.layers.Dense(64)(x)))
        return gn.Model(x, gn.layers.Dense(3)(gn.layers.BatchNorm()(h)))

    for kept in (module._written, known._facts):
        kept.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(module, "emitter_of", without)
            nets = [network(make, threads) for threads in (1, 3)]
            assert len({bits(net) for net in nets}) == 1
            made = nets[0]._runner.programs._made.values()
            assert any(one.program.between for one in made)
    finally:
        for kept in (module._written, known._facts):
            kept.cache_clear()
