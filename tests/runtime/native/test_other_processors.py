"""Code for processors that this one is not: it is generated, not run."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

import graphnet as gn
from graphnet.runtime.llvm.barrier import calling
from graphnet.runtime.llvm.jit import Processor, assembly, compile_text, llvm
from graphnet.runtime.native.code import Code, write_code
from graphnet.runtime.native.emit.module import Form
from graphnet.runtime.native.target import NativeTarget

pytest.importorskip("llvmlite")

PROCESSORS = {
    "aarch64": Processor("aarch64-unknown-linux-gnu", "neoverse-n1", "+neon,+fullfp16,+lse"),
    "macos": Processor("arm64-apple-darwin", "apple-m1", ""),
    "windows": Processor("x86_64-pc-windows-msvc", "x86-64-v3", "+avx2,+fma"),
    "v3": Processor("x86_64-unknown-linux-gnu", "x86-64-v3", "+avx2,+fma"),
    "v4": Processor("x86_64-unknown-linux-gnu", "x86-64-v4", "+avx512f,+avx512vl,+avx2,+fma")}
NETWORKS = {"lenet train": ("lenet", "train"), "lenet predict": ("lenet", "predict"), "lstm train": ("lstm", "train")}
CALL = re.compile(r"^\s(?:callq?|bl|jmp)\s+_?([A-Za-z_]\w*)", re.MULTILINE)


@cache
def network(name: str) -> gn.Network:
    layers = gn.layers
    x = h = gn.Input((1, 28, 28) if name == "lenet" else (28, 28))
    if name == "lenet":
        h = layers.MaxPool2D(2)(layers.Conv2D(6, 5, padding="same", activation="relu")(h))
        h = layers.MaxPool2D(2)(layers.Conv2D(16, 5, activation="relu")(h))
        h = layers.Dense(120, activation="relu")(layers.Flatten()(h))
    else:
        h = layers.LSTM(32)(h)
    return gn.compile(gn.Model(x, layers.Dense(10)(h)), "softmax_cross_entropy", "adam", backend="native", threads=1)


def text_for(which: str, processor: Processor) -> str:
    """The code of a Program as such a processor gets it."""
    name, mode = NETWORKS[which]
    program = network(name).program(mode, 64)
    form = Form(processor.machine, program.blocked, mode == "train")
    return write_code(Code(NativeTarget(form).completed(program), form), processor.triple)


@pytest.fixture(params=PROCESSORS)
def processor(request: Any) -> Processor:
    """One that this build of LLVM can generate code for."""
    binding, found = llvm(), PROCESSORS[request.param]
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        binding.Target.from_triple(found.triple)
    except RuntimeError as error:
        pytest.skip(f"llvmlite has no such target: {error}")
    return found


@pytest.mark.parametrize("which", [pytest.param("lenet predict"), *(pytest.param(name, marks=pytest.mark.slow)
                                                                    for name in ("lenet train", "lstm train"))])
def test_programs(processor: Processor, which: str) -> None:
    """Functions of its own and of memory are called; nothing multiplies and adds by a call."""
    text = text_for(which, processor)
    assert len(compile_text(text, processor)) > 1000
    own = set(re.findall(r"^define [^@]*@([\w.]+)", text, re.MULTILINE))
    assert set(CALL.findall(assembly(text, processor))) - own <= {"memcpy", "memset", "memmove", "__chkstk"}


def test_waiting(processor: Processor) -> None:
    written = assembly(calling(processor.triple), processor)
    assert ("yield" if processor.triple.startswith(("aarch64", "arm64")) else "pause") in written
