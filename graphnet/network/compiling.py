"""`gn.compile`: from a declared model to a network that runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from graphnet.common.answers import answering
from graphnet.common.checks import check_choice, check_flag, check_whole
from graphnet.common.frozen import freeze
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ir import Graph
from graphnet.compiler.rewrite import check_graph, convert_floats
from graphnet.compiler.types import FLOATS
from graphnet.declare.model import Model
from graphnet.engine.assembly import Objective
from graphnet.engine.backends import choose_backend, make_programs
from graphnet.engine.programs import Programs
from graphnet.engine.settings import MAX_SEED
from graphnet.engine.variables import initialize
from graphnet.network.network import Network
from graphnet.network.objective import Losses, Metrics, Weights, make_objective
from graphnet.optimizers import OPTIMIZERS, Optimizer
from graphnet.regularizers import REGULARIZERS, Regularizer, regularize

if TYPE_CHECKING:
    from graphnet.runtime.watching import Watcher

MAX_THREADS = 1024  # where BLAS has fewer, it uses those


@answering
def compile(model: Model, loss: Losses | None = None, optimizer: Optimizer | str | None = None,
            metrics: Metrics | None = None, *,
            loss_weights: Weights | None = None, regularizer: Regularizer | str | None = None,
            seed: int = 0, dtype: str = "float32",
            backend: str | None = None, threads: int | None = None, optimize: bool = True,
            memory_limit: int | None = None, verify: bool = False,
            check_finite: bool = False, allow_nonfinite: bool = False, dump: str | os.PathLike[str] | None = None,
            blas_threads: int | None = 1) -> Network:
    """Makes a network that runs from a declared model.

    Keras / PyTorch: `Model.compile` / `torch.compile`, which takes no loss. A new network each time; the model stays as
    it is, and draws its weights from the seed. Without optimizer there is no training (Keras takes "rmsprop").

    Args:
        model: what to compile.
        loss: one for every output, a dict by output name, or a list with one for each output in their order, None for
            an output without a loss; None for prediction only. One is an object, or a name such as "mse" or
            "MeanSquaredError".
        optimizer: an object or a name such as "adam"; None if the network is not to be trained.
        metrics: objects or names, one or a list, for every output that has a loss; or by output: a dict by output name,
            or a list with a list (one metric, None) for each output in their order. A list without a list or None in it
            is for every output, however long it is; Keras takes one as long as there are outputs by output.
        loss_weights: factors of the losses in the total, by output name, or a list with one for each output; 1 where
            not given.
        regularizer: an object or a name such as "l2", which adds to the loss for each trainable kernel and embedding
            (not for biases, scales, shifts and slopes), on top of what layers say; None for none.
        seed: from 0 to 2⁶⁴ - 1; the same seed gives the same weights and the same training on the same machine.
        dtype: "float32" or "float64".
        backend: "native", which compiles whole Programs to machine code and needs llvmlite (the extra `native`),
            "native-direct", the same with direct sums in all convolutions, "numpy", or "auto", native where that is
            installed; by default what the environment variable GRAPHNET_BACKEND says, or "auto". Each backend gives the
            same bits each time, but not those of another. Networks of float64 and those that are not optimised use
            NumPy, and the native ones are refused for them; `net.backend` says what there is.
        threads: how many threads the native backend uses; by default as many as this process has cores. They have no
            say in any bit.
        optimize: False turns off all optimising passes and layout choices.
        memory_limit: bytes of arena that no Program may exceed.
        verify: checks the graph after every pass: that it is well formed, and that the reference interpreter gets the
            same numbers from it as before; and at the first run of each Program every kernel against the reference
            of its op. Compiling and first runs take several times as long; later runs take what they always take.
        check_finite: looks at the results of every instruction of every run, and names the first that makes a NaN or
            an infinity, with its layer. Runs take longer. A step that fails before the update changes no weight.
        allow_nonfinite: whether inputs and carried states may hold NaN and infinities. Without it they are refused
            before anything runs, as are numbers too large for `dtype`; behind `lengths` anything is taken.
        dump: a folder to write the graph's text after each pass to, and each Program, with an index.
        blas_threads: how many threads BLAS has while the network runs, whatever its environment says; None for as many
            as it likes. With one, the same seed gives the same bits however many cores there are; more make products of
            large matrices faster (from about 1,000 × 1,000 on), and give other last bits for each number. It is kept
            in files.

    Raises:
        ArgumentError: an argument is not allowed.
        GraphError: a loss or metric is given for an output that the model does not have.

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Dense(1)(x))
        >>> for seed in (1, 1, 2):  # the first two have the same weights
        ...     print(gn.compile(model, seed=seed).predict([[1, 2]]).round(1))
        [[-2.3]]
        [[-2.3]]
        [[-1.2]]
    """
    if not isinstance(model, Model):
        raise ArgumentError("compile", "model", model, "it must be a gn.Model")
    freeze(model)
    graph = convert_floats(model.graph, check_choice("compile", "dtype", dtype, FLOATS))
    if regularizer is not None:
        rule = REGULARIZERS.resolve("compile", "regularizer", regularizer)
        freeze(rule)
        graph = regularize(graph, rule)
    objective = make_objective(graph, loss, metrics, loss_weights)
    chosen = None if optimizer is None else OPTIMIZERS.resolve("compile", "optimizer", optimizer)
    if chosen is not None and objective is not None:
        objective.check_trainable()
    network = make_network(graph, objective, chosen, seed=seed, backend=backend, threads=threads,
                           optimize=optimize,
                           memory_limit=memory_limit, verify=verify, check_finite=check_finite, dump=dump,
                           blas_threads=blas_threads)
    network.allow_nonfinite = check_flag("compile", "allow_nonfinite", allow_nonfinite)
    initialize(network, model.initializers)
    return network


def check_threads(owner: str, threads: int | None) -> int | None:
    """How many threads the native backend is to use; None for as many as there are cores.

    Raises:
        ArgumentError: it is no such number.
    """
    return None if threads is None else check_whole(owner, "threads", threads, 1, MAX_THREADS)


def make_network(graph: Graph, objective: Objective | None, optimizer: Optimizer | None, *, seed: int,
                 owner: str = "compile", backend: str | None = None, threads: int | None = None, optimize: bool = True,
                 memory_limit: int | None = None, verify: bool = False,
                 check_finite: bool = False, dump: str | os.PathLike[str] | None = None,
                 blas_threads: int | None = 1) -> Network:
    """A network whose weights are not filled in yet; `owner` is the function that was given the backend."""
    chosen = choose_backend(owner, backend, graph, check_flag("compile", "optimize", optimize))
    threads = check_threads("compile", threads)
    if memory_limit is not None:
        memory_limit = check_whole("compile", "memory_limit", memory_limit)
    if blas_threads is not None:
        blas_threads = check_whole("compile", "blas_threads", blas_threads, 1, MAX_THREADS)
    check_graph(graph)
    programs = make_programs(chosen, optimize, memory_limit, threads, blas_threads)
    _attach_checks(programs, check_flag("compile", "verify", verify),
                   check_flag("compile", "check_finite", check_finite))
    if dump is not None:
        from graphnet.inspect.dumping import Dump

        programs.on_made = Dump(dump)
    return Network(graph, programs, objective, optimizer, check_whole("compile", "seed", seed, 0, MAX_SEED))


def _attach_checks(programs: Programs, verify: bool, check_finite: bool) -> None:
    """Imports what is asked for only, so that importing graphnet stays fast."""
    watchers: list[Callable[[], Watcher]] = []
    if verify:
        from graphnet.compiler.inspect.verify import Verifier
        from graphnet.runtime.kernel_check import KernelCheck

        programs.policy.check = Verifier()
        watchers.append(KernelCheck)
    if check_finite:
        from graphnet.runtime.finite_check import FiniteCheck

        watchers.append(FiniteCheck)
    programs.watchers = watchers
