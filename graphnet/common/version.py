"""The version of the installed package."""

from __future__ import annotations


def version() -> str:
    """Such as "0.1.0"; "unknown" where the code runs without having been installed."""
    from importlib import metadata  # takes longer to import than most of graphnet

    try:
        return metadata.version("graphnet")
    except metadata.PackageNotFoundError:
        return "unknown"
