"""The command line: `graphnet COMMAND …`."""

from graphnet.cli.program import main

__all__ = ["main"]
