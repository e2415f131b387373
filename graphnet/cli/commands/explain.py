"""`graphnet explain FILE|MODEL`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphnet.cli.common.arguments import add_backend, add_json, whole
from graphnet.cli.common.subject import (
    add_overwrite,
    add_sizes,
    add_subject,
    chosen_dims,
    chosen_mode,
    open_subject,
    write_new,
)
from graphnet.compiler.errors import ArgumentError
from graphnet.network.network import Network

if TYPE_CHECKING:
    from graphnet.runtime.native.listing import InstructionCode

ALL = "all"
NAME = "explain"
HELP = "show what each pass of the compiler changed, and why neighbours were fused or not"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_subject(parser)
    add_sizes(parser, batch=64)
    add_backend(parser)
    add_json(parser)
    for kind, name in (("llvm", "LLVM IR"), ("asm", "assembler")):
        parser.add_argument(f"--{kind}", type=_number, metavar="N",
                            help=f"show the native code of instruction N, or of all, in {name} instead, with the "
                                 "layers and lines that it is for")
    parser.add_argument("--html", metavar="OUT.html", help="write a page with the passes side by side, the graph, the "
                                                           "memory timeline and the fusion table, instead of printing")
    add_overwrite(parser, "OUT.html")


def run(options: argparse.Namespace) -> int:
    """Explains."""
    network = open_subject(NAME, options.what, options.backend, options.threads)
    mode = chosen_mode(network, options.mode)
    dims = chosen_dims(network, options.dim)
    kinds = [kind for kind in ("llvm", "asm") if getattr(options, kind) is not None]
    if kinds:
        return _show_code(network, options, kinds, network.machine_code(mode, options.batch, **dims))
    explanation = network.explain(mode, options.batch, **dims)
    if options.html:
        from graphnet.views.page import network_page

        page = network_page(network, mode, options.batch, dims)
        write_new(options.html, page, options.overwrite)
    if options.json:
        print(json.dumps(explanation.to_json()))
    elif not options.html:
        print(explanation)
    return 0


def _show_code(network: Network, options: argparse.Namespace, kinds: Sequence[str],
               codes: Sequence[InstructionCode]) -> int:
    shown = []
    for kind in kinds:
        wanted = getattr(options, kind)
        if wanted != ALL and wanted >= len(codes):
            raise ArgumentError(NAME, kind, wanted,
                                f"{network.graph.name} has {len(codes)} instructions, numbered from 0")
        shown += [(kind, code) for code in codes if wanted in (ALL, code.index)]
    if options.json:
        print(json.dumps([code.to_json(kind) for kind, code in shown]))
    else:
        print("\n".join(code.text(kind) for kind, code in shown), end="")
    return 0


def _number(text: str) -> int | str:
    """The type of numbers of instructions."""
    return ALL if text == ALL else whole(0)(text)
