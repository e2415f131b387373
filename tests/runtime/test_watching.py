import numpy as np
import small_networks

from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.program import Program
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.session import Buffers, Executable
from graphnet.runtime.watching import Watched, Watcher, Watching


class Log(Watcher):
    """Notes what it is told, for the first run only."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def wants(self) -> bool:
        return "finish" not in self.seen

    def start(self, run: Executable) -> None:
        self.seen.append("start")

    def before(self, watched: Watched) -> None:
        self.seen.append(-watched.index)

    def after(self, watched: Watched) -> None:
        self.seen.append(watched.index)

    def finish(self) -> None:
        self.seen.append("finish")


def program() -> Program:
    return lower(small_networks.image_network().stages("predict")[-1].after, {"N": 2}, NumpyTarget())


def test_a_watched_run_sees_every_instruction_and_changes_nothing() -> None:
    log = Log()
    plain, other = Executable(program(), Buffers()), Executable(program(), Buffers())
    watching = Watching(other, [lambda: log])
    rng = np.random.default_rng(0)
    weights = rng.random(plain.buffers["parameters"].size // 4, dtype=np.float32).view(np.uint8)
    image = rng.random(plain.inputs["image"].shape)
    results = []
    for run, start in ((plain, plain.run), (other, lambda: watching.run(other))):
        run.buffers["parameters"][:] = weights
        run.inputs["image"][...] = image
        start()
        results.append(run.outputs["logits"].copy())
    np.testing.assert_array_equal(results[0], results[1])
    count = len(program().instructions)
    assert log.seen == ["start", *(x for i in range(count) for x in (-i, i)), "finish"]


def test_who_has_seen_enough_is_left_alone() -> None:
    log = Log()
    run = Executable(program(), Buffers())
    watched = Watching(run, [lambda: log])
    watched.run(run)
    seen = list(log.seen)
    watched.run(run)
    assert log.seen == seen


def test_the_parts_of_a_run_are_its_instructions() -> None:
    run = Executable(program(), Buffers())
    run.buffers["parameters"][:] = np.arange(len(run.buffers["parameters"])) % 60
    run.inputs["image"][...] = 1
    run.run()
    expected = run.outputs["logits"].copy()
    run.inputs["image"][...] = 1
    for part in run.walk():
        assert (part.base, part.samples, part.name) == (0, 2, "")
        part.run()
    np.testing.assert_array_equal(run.outputs["logits"], expected)
