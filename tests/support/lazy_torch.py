"""PyTorch for the twins in tables of cases: the default run reads the tables too, and does without PyTorch."""

from typing import Any


def torch() -> Any:
    """The package, imported when a twin runs."""
    import torch as package

    return package


def functional() -> Any:
    """`torch.nn.functional`, likewise."""
    return torch().nn.functional
