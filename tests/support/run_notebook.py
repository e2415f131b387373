"""Runs a notebook without a browser, and writes it with what its cells gave: `python run_notebook.py IN OUT`.

In a process of its own, so that the event loop, sockets and warnings of Jupyter are none of the tests'. Nothing of the
user's set-up counts: settings, kernels and histories are those of an empty folder.
"""

from __future__ import annotations

import os
import sys
import tempfile

FOLDERS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def run(source: str, target: str) -> None:
    """Runs all cells in order; an error in one ends it."""
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    # Sockets in a folder need no free ports, which others could take meanwhile; elsewhere their paths are too long.
    settings = Config({"KernelManager": {"transport": "ipc"}} if sys.platform == "linux" else {})
    notebook = nbformat.read(source, as_version=4)
    NotebookClient(notebook, timeout=300, config=settings).execute()
    nbformat.write(notebook, target)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="nb") as folder:
        os.environ |= dict.fromkeys(FOLDERS, folder)
        os.environ |= {"JUPYTER_PLATFORM_DIRS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        run(*sys.argv[1:])
