"""Set-up of all tests: assertions in the shared helpers report what they compared, and a run of all uses all cores."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Before NumPy is loaded: a second BLAS thread gains nothing, and on a busy machine waiting for it takes far longer.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The same tests with and without llvmlite: most networks of the tests run once, and native code is compiled first. A
# run with another value here is one of the native backend.
BACKEND = os.environ.setdefault("GRAPHNET_BACKEND", "numpy")
NUMPY_BACKEND = "numpy_backend: about NumPy's own Programs, figures and words, whichever backend the run is of"

# A hundred tests start Python anew: what they import is compiled once, also where files of byte code are not wanted.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A job in the background of a shell begins with interrupts ignored; the tests of interrupts want them as elsewhere.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

for helper in (Path(__file__).parent / "support").glob("*.py"):
    pytest.register_assert_rewrite(helper.stem)

# The same examples on every run and machine, and no verdict that depends on how fast it is.
settings.register_profile("graphnet", derandomize=True, deadline=None, database=None)
settings.load_profile("graphnet")

gc.disable()  # while tests are collected: they all stay
WORKERS = 8  # each collects all tests, which takes seconds
NOT_SHARED = ("keyword", "lf", "failedfirst", "newfirst", "stepwise", "stepwise_skip", "usepdb", "trace", "collectonly",
              "setupshow", "setuponly", "setupplan")
"""Options with which a run is not one of all tests, or one that wants to see them one after the other."""


def pytest_configure(config: pytest.Config) -> None:
    """The marker that a test has, or all of a file."""
    config.addinivalue_line("markers", NUMPY_BACKEND)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture of the test makes a network, also those of its file."""
    os.environ["GRAPHNET_BACKEND"] = "numpy" if item.get_closest_marker("numpy_backend") else BACKEND


def pytest_collection_finish() -> None:
    """What there is now stays to the end: the garbage collector need not look at it again and again."""
    gc.enable()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Spreads a run of all tests over the cores, if pytest-xdist is there and nobody has said how."""
    cores = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, WORKERS)
    if cores > 1 and _runs_all(config):
        config.option.numprocesses = cores
        config.option.dist = "worksteal"


def _runs_all(config: pytest.Config) -> bool:
    """Whether `pytest` was started without a choice of tests, and without a wish that needs a single process."""
    option = config.option
    if not config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput"):
        return False
    return (config.args_source is pytest.Config.ArgsSource.TESTPATHS
            and option.markexpr in config.getini("addopts")
            and option.numprocesses is None and option.dist == "no" and not option.tx and option.capture != "no"
            and not any(getattr(option, name, False) for name in NOT_SHARED))
