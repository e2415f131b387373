"""Which backend a network runs on, and how its Programs are made for it."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec

from graphnet.common.checks import check_choice
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ir import Graph
from graphnet.engine.programs import Programs, numpy_policy
from graphnet.runtime.blas import BlasThreads

AUTO, NUMPY, NATIVE, DIRECT = "auto", "numpy", "native", "native-direct"
BACKENDS = (AUTO, NATIVE, DIRECT, NUMPY)
"""What may be asked for. The third is the second with direct sums in every convolution, and other bits where the second
takes fewer products."""
VARIABLE = "GRAPHNET_BACKEND"
"""The environment variable that says which backend there is where none is asked for."""
LLVMLITE = (0, 45), (0, 51)
"""The versions of llvmlite that the native backend was tried with: from the first one on, before the second. The extra
`native` says the same."""
_FIX = 'pip install "llvmlite>=0.45,<0.51"'


def choose_backend(owner: str, asked: str | None, graph: Graph, optimize: bool) -> str:
    """The backend that a network runs on.

    Args:
        owner: the function that was called, for the error.
        asked: the name of a backend; None for the environment's, or `auto`.
        graph: what is to run.
        optimize: whether it is to be optimised; the native backend is there for speed alone.

    Returns:
        `native` where it can run the graph and is asked for or there, `native-direct` where that is; what the
        environment says is for graphs that it can run.

    Raises:
        ArgumentError: as `check_backend`; or the native backend is asked for by name, and cannot run the graph.
    """
    found = check_backend(owner, asked)
    if found == NUMPY:
        return NUMPY
    problem = why_not_native(graph, optimize)
    if problem and asked in (NATIVE, DIRECT):
        raise _unusable(owner, "backend", asked, problem)
    return NUMPY if problem else NATIVE if found == AUTO else found


def check_backend(owner: str, asked: str | None) -> str:
    """What is asked for: the name of a backend, or that which the environment names, or `auto`.

    Raises:
        ArgumentError: there is no such backend, or it is a native one, which cannot be used here.
    """
    name = "backend"
    if asked is None:
        owner, name, asked = "environment", VARIABLE, os.environ.get(VARIABLE) or AUTO
    asked = str(check_choice(owner, name, asked, BACKENDS))
    problem = why_not_native() if asked in (NATIVE, DIRECT) else ""
    if problem:
        raise _unusable(owner, name, asked, problem)
    return asked


def _unusable(owner: str, name: str, asked: str, problem: str) -> ArgumentError:
    return ArgumentError(owner, name, asked, f"that {problem}; {AUTO!r} takes NumPy where it has to")


def why_not_native(graph: Graph | None = None, optimize: bool = True) -> str:
    """Why the native backend cannot be used here, or not for a graph, with what to do about it; empty if it can."""
    if not optimize:
        return "is not used without optimisation"
    if graph is not None and any(graph.types[item.value].dtype == "float64" for item in graph.given):
        return "does not compute in float64"
    if find_spec("llvmlite") is None:
        return f"needs llvmlite, which is not installed: {_FIX}"
    try:
        version = str(import_module("llvmlite").__version__)
    except (ImportError, AttributeError) as error:
        return f"needs llvmlite, and the one that is installed does not work ({error}): {_FIX}"
    if not LLVMLITE[0] <= _leading(version) < LLVMLITE[1]:
        return f"needs another llvmlite than {version}, which is installed: {_FIX}"
    from graphnet.runtime.llvm.jit import host

    try:
        processor = host()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return f"needs llvmlite, and the one that is installed does not work ({error}): {_FIX}"
    if not processor.has_fma:
        return f"needs a processor that multiplies and adds in one instruction, which {processor.name} does not"
    return ""


def _leading(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple([int(part) for part in version.split(".")[:2] if part.isdecimal()])


def make_programs(backend: str, optimize: bool, memory_limit: int | None, threads: int | None,
                  blas_threads: int | None) -> Programs:
    """What makes and binds the Programs of a network for a backend."""
    blas = BlasThreads(blas_threads)
    if backend == NUMPY:
        return Programs(numpy_policy(optimize, memory_limit), blas_threads=blas, threads=blas_threads)
    from graphnet.runtime.llvm.jit import host
    from graphnet.runtime.native.backend import NativeBinder, NativePolicy
    from graphnet.runtime.native.emit.module import Form
    from graphnet.runtime.native.target import NativeTarget
    from graphnet.runtime.native.workers import Workers

    form = Form(host().machine, winograd=backend != DIRECT)
    policy = NativePolicy(lambda frugal: NativeTarget(form, frugal), optimize, memory_limit, form=form)
    workers = Workers(threads)
    return Programs(policy, blas_threads=blas, backend=backend, threads=workers.threads,
                    bind=NativeBinder(workers, form))
