"""Which network a command looks at, for what purpose and at which sizes."""

from __future__ import annotations

import argparse
import os
import re

from graphnet.cli.common.arguments import whole
from graphnet.cli.common.modules import add_import
from graphnet.cli.common.parser import did_you_mean
from graphnet.compiler.atomic import replace_file
from graphnet.compiler.errors import ArgumentError, DataError, GraphError
from graphnet.compiler.words import label
from graphnet.engine.runner import PREDICT, TRAIN
from graphnet.network.network import Network
from graphnet.runs import load_recipe, model_names

FREE_DIM = 16
_DIM = re.compile(r"(\w+)=([1-9]\d{0,8})")


def add_subject(parser: argparse.ArgumentParser) -> None:
    """Adds FILE.gnet or MODEL, and what a file may need."""
    parser.add_argument("what", metavar="FILE.gnet|MODEL",
                        help=f"a saved network, or one of: {', '.join(model_names())}")
    add_import(parser)


def add_sizes(parser: argparse.ArgumentParser, batch: int) -> None:
    """Adds `--mode`, `--batch` and `--dim`."""
    parser.add_argument("--mode", choices=(TRAIN, PREDICT),
                        help="the purpose (default: train, or predict for a network without a loss or an optimizer)")
    parser.add_argument("--batch", type=whole(1), default=batch, metavar="N",
                        help="the batch size (default: %(default)s)")
    parser.add_argument("--dim", action="append", default=[], type=_dim, metavar="NAME=SIZE",
                        help=f"the size of a free dim, e.g. T=20 (default: {FREE_DIM} each)")


def is_model(command: str, what: str) -> bool:
    """Whether the name of a model was given, and not a file.

    Raises:
        ArgumentError: it is neither.
    """
    if what not in model_names() and not os.path.lexists(what):
        raise ArgumentError(command, "FILE.gnet|MODEL", what,
                            f"there is no such file, and the models are {', '.join(model_names())}"
                            f"{did_you_mean(what, model_names())}")
    return what in model_names()


def open_subject(command: str, what: str, backend: str | None = None, threads: int | None = None) -> Network:
    """A saved network, or a model compiled as its recipe says, not trained; see `gn.load` for backend and threads.

    Raises:
        ArgumentError: it is neither.
        GnetFormatError: the file is refused.
    """
    if is_model(command, what):
        from graphnet.network.compiling import compile

        recipe = load_recipe(what)
        return compile(recipe.model(), loss=recipe.loss, optimizer=recipe.optimizer, metrics=recipe.metrics,
                       backend=backend, threads=threads)
    from graphnet.network.loading import load

    return load(what, backend=backend, threads=threads)


def chosen_mode(network: Network, mode: str | None) -> str:
    """The purpose that was asked for, or the richest that the network is made for.

    Raises:
        GraphError: it is not made for what was asked for.
    """
    trainable = network.objective is not None and network.optimizer is not None
    if mode == TRAIN and not trainable:
        raise GraphError(f"{network.graph.name} has no loss or no optimizer, so it cannot train; use --mode predict")
    return mode or (TRAIN if trainable else PREDICT)


def chosen_dims(network: Network, given: list[tuple[str, int]]) -> dict[str, int]:
    """A size for each free dim of a network.

    Raises:
        ArgumentError: a name is not one of them.
    """
    symbols = sorted(network.graph.free_dims)
    for name, size in given:
        if name not in symbols:
            raise ArgumentError(network.graph.name, "--dim", f"{name}={size}",
                                f"its free dims are: {', '.join(symbols) or 'none'}")
    return dict.fromkeys(symbols, FREE_DIM) | dict(given)


def write_new(path: str, text: str, overwrite: bool) -> None:
    """Writes a text file as a whole; an old one stays unless it may be replaced. To a pipe or a device it just writes.

    Raises:
        DataError: there is one already.
        ArgumentError: there is no such folder, or the path is of something that is no file.
        OSError: it cannot be written.
    """
    if overwrite and os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        try:
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None
        return
    try:
        replace_file(path, [text.encode()], overwrite=overwrite, owner="output")
    except FileExistsError:
        raise DataError(f"{label(path)} is there already; choose another name or give --overwrite") from None


def add_overwrite(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds `--overwrite`."""
    parser.add_argument("--overwrite", action="store_true", help=f"replace {what} if it is there already")


def _dim(text: str) -> tuple[str, int]:
    match = _DIM.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"it must be NAME=SIZE, e.g. T=20, not {text!r}")
    return match[1], int(match[2])
