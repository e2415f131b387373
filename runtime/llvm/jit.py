"""LLVM through llvmlite: IR text becomes object code, and object code functions that can be called.

The IR is born well (vectors, fused multiply-adds, register tiles), so all that the optimiser is asked for is `sroa`,
which makes registers of variables; the code generator does the rest at its level 1.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from graphnet.runtime.llvm.machine import Machine

LEVEL = 1
"""Of the code generator: 2 and 3 take longer, and the code is no faster."""


@cache
def llvm() -> Any:
    """llvmlite's binding, set up for this processor.

    Raises:
        ImportError: llvmlite is not installed.
    """
    binding = import_module("llvmlite.binding")  # not by a statement: it may be missing, and has no types
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_free_lock)
    return binding


def _free_lock() -> None:
    """In a forked child: llvmlite has one lock for all of LLVM, and a thread that is not there any more may hold it."""
    lock: Any = getattr(llvm().ffi.lib, "_lock", None)
    if lock is not None and hasattr(lock, "_lock"):
        lock._lock = threading.RLock()


@dataclass(frozen=True, slots=True)
class Processor:
    """What code is generated for: LLVM's triple, name of a processor and list of features."""

    triple: str
    name: str
    features: str

    @property
    def machine(self) -> Machine:
        """What schedules go by."""
        features = self.features.split(",")
        if "+avx512f" in features and "+avx512vl" in features:
            return Machine(16, 32)
        if "+avx2" in features and "+fma" in features:
            return Machine(8, 16)
        return Machine(4, 32)

    @property
    def has_fma(self) -> bool:
        """Whether it multiplies and adds in one; others would have to emulate it."""
        return "+fma" in self.features.split(",") or not self.triple.startswith(("x86", "i686", "amd64"))


@cache
def host() -> Processor:
    """This processor."""
    binding = llvm()
    return Processor(binding.get_process_triple(), binding.get_host_cpu_name(),
                     binding.get_host_cpu_features().flatten())


def narrower(processor: Processor) -> Processor:
    """The same processor without AVX-512: for tests of code that other machines run."""
    features = [f for f in processor.features.split(",") if not f.startswith("+avx512")]
    return Processor(processor.triple, "x86-64-v3", ",".join(features))


def compile_text(text: str, processor: Processor, level: int = LEVEL) -> bytes:
    """Object code of a module.

    Raises:
        RuntimeError: LLVM refuses the text.
    """
    module, machine = _prepared(text, processor, level)
    code: bytes = machine.emit_object(module)
    return code


def assembly(text: str, processor: Processor, level: int = LEVEL) -> str:
    """The same as assembler text."""
    module, machine = _prepared(text, processor, level)
    written: str = machine.emit_assembly(module)
    return written


def _prepared(text: str, processor: Processor, level: int) -> tuple[Any, Any]:
    """A module as the code generator wants it, and the code generator."""
    binding = llvm()
    module = binding.parse_assembly(text)
    module.triple = processor.triple
    machine = target_machine(processor, level)
    options = binding.create_pipeline_tuning_options(speed_level=max(level, 1))
    passes = binding.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.run(module, binding.create_pass_builder(machine, options))
    return module, machine


def target_machine(processor: Processor, level: int = LEVEL) -> Any:
    """LLVM's code generator for a processor."""
    return llvm().Target.from_triple(processor.triple).create_target_machine(
        cpu=processor.name, features=processor.features, opt=level, jit=True)


class Loaded:
    """Object code in memory, whose functions can be called for as long as this lives."""

    def __init__(self, code: bytes) -> None:
        binding = llvm()
        self._machine = target_machine(host())
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), self._machine)
        self._engine.add_object_file(binding.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def function(self, name: str, *arguments: Any, result: Any = None) -> Any:
        """A function by its name; the interpreter lock is released while it runs.

        Raises:
            KeyError: there is none.
        """
        address = self._engine.get_function_address(name)
        if not address:
            raise KeyError(name)
        made: Any = ctypes.CFUNCTYPE(result, *arguments)(address)
        made.code = self  # which lives as long as anybody may be in it
        return made


def yielding() -> int:
    """The address of the system's function by which a thread gives its core away."""
    if platform.system() == "Windows":
        return int(ctypes.cast(ctypes.windll.kernel32.SwitchToThread, ctypes.c_void_p).value or 0)  # type: ignore[attr-defined]
    return int(ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0)
