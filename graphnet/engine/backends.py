"""Which backend a network runs on, and how its Programs are made for it."""

from __future__ import annotations

import os
from importlib.util import find_spec

from graphnet.common.checks import check_choice
from graphnet.compiler.errors import GraphNetError
from graphnet.compiler.ir import Graph
from graphnet.compiler.types import TensorType
from graphnet.engine.programs import Programs, numpy_policy
from graphnet.runtime.blas import BlasThreads

AUTO, NUMPY, NATIVE = "auto", "numpy", "native"
BACKENDS = (AUTO, NATIVE, NUMPY)
VARIABLE = "GRAPHNET_BACKEND"
"""The environment variable that says which backend there is where none is asked for."""
_FIX = 'pip install "graphnet[native]"'


def choose_backend(owner: str, asked: str | None, graph: Graph, optimize: bool) -> str:
    """The backend that a network runs on.

    Args:
        owner: the function that was called, for the error.
        asked: the name of a backend; None for the environment's, or `auto`.
        graph: what is to run.
        optimize: whether it is to be optimised; the native backend is there for speed alone.

    Returns:
        `native` where it can run the graph and is asked for or there; float64 networks use NumPy.

    Raises:
        ArgumentError: there is no such backend.
        GraphNetError: the native backend is asked for, but cannot be used here.
    """
    asked = check_choice(owner, "backend", asked or os.environ.get(VARIABLE) or AUTO, BACKENDS)
    if asked == NUMPY or not optimize or any(t.dtype == "float64" for t in _weights_or_values(graph)):
        return NUMPY
    missing = why_not_native()
    if missing and asked == NATIVE:
        raise GraphNetError(f"the native backend {missing}, or use backend='numpy'")
    return NUMPY if missing else NATIVE


def _weights_or_values(graph: Graph) -> list[TensorType]:
    """The types of what a graph is given."""
    return [graph.types[item.value] for item in graph.given]


def why_not_native() -> str:
    """Why the native backend cannot be used here, with what to do about it; empty if it can."""
    if find_spec("llvmlite") is None:
        return f"needs llvmlite, which is not installed: {_FIX}"
    from graphnet.runtime.native.jit import host

    try:
        processor = host()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:  # another version, or a broken one
        return f"cannot use the llvmlite that is installed ({error}): {_FIX}"
    if not processor.has_fma:
        return f"needs a processor that multiplies and adds in one instruction, which {processor.name} does not"
    return ""


def make_programs(backend: str, optimize: bool, memory_limit: int | None, threads: int | None,
                  blas_threads: int | None) -> Programs:
    """What makes and binds the Programs of a network for a backend."""
    blas = BlasThreads(blas_threads)
    if backend == NUMPY:
        return Programs(numpy_policy(optimize, memory_limit), blas_threads=blas)
    from graphnet.runtime.native.backend import NativeBinder, NativePolicy
    from graphnet.runtime.native.jit import host
    from graphnet.runtime.native.module import Form
    from graphnet.runtime.native.target import NativeTarget
    from graphnet.runtime.native.workers import Workers

    form = Form(host().machine)
    policy = NativePolicy(lambda frugal: NativeTarget(form, frugal), optimize, memory_limit, form=form)
    workers = Workers(threads)
    return Programs(policy, blas_threads=blas, backend=NATIVE, threads=workers.threads,
                    bind=NativeBinder(workers, form))
