"""Set-up of all tests: assertions in the shared helpers report what they compared."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before NumPy is loaded: a second BLAS thread gains nothing, and on a busy machine waiting for it takes far longer.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

for helper in (Path(__file__).parent / "support").glob("*.py"):
    pytest.register_assert_rewrite(helper.stem)

# The same examples on every run and machine, and no verdict that depends on how fast it is.
settings.register_profile("graphnet", derandomize=True, deadline=None, database=None)
settings.load_profile("graphnet")
