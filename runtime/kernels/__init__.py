"""Kernels on NumPy. Importing this package registers those of all its modules."""

from importlib import import_module as _import_module
from pkgutil import iter_modules as _iter_modules

from graphnet.runtime.kernels.registry import NumpyTarget, bind_kernel

__all__ = ["NumpyTarget", "bind_kernel"]

for _found in _iter_modules(__path__):
    _import_module(f"{__name__}.{_found.name}")
