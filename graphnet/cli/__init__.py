"""The command line: `graphnet COMMAND …`."""

from __future__ import annotations

import os
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code.

    OpenBLAS is kept to one thread unless the environment says otherwise: the products of small models take less time
    than handing them to a second thread, and on a busy machine waiting for it takes many times longer. It reads the
    variable when NumPy is loaded, so nothing that loads NumPy may be imported before.

    Args:
        argv: the arguments; by default those of the process.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from graphnet.cli.program import main as run

    return run(argv)
