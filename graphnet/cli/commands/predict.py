"""`graphnet predict FILE.gnet INPUT`."""

from __future__ import annotations

import argparse
import json

import numpy as np
from numpy.typing import NDArray

from graphnet.cli.common.arguments import add_backend, add_file, add_json, add_limits, whole
from graphnet.cli.common.inputs import probabilities, sample_shape
from graphnet.compiler.words import label
from graphnet.engine.engine import INFERENCE_BATCH
from graphnet.network.loading import load

NAME = "predict"
HELP = "predict the class of an image, or of each sample in an array"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    add_file(parser)
    parser.add_argument("input", metavar="INPUT", help="an image (PNG, JPEG, BMP, GIF, PPM, WebP), or a .npy file of "
                                                       "one sample or several")
    parser.add_argument("--invert", action="store_true",
                        help="swap dark and light, for ink on paper and a model that learnt light strokes on dark")
    parser.add_argument("--top", type=whole(1), default=10, metavar="N",
                        help="how many classes to show, most likely first (default: %(default)s)")
    parser.add_argument("--batch-size", type=whole(1), default=INFERENCE_BATCH, metavar="N",
                        help="samples computed at a time (default: %(default)s)")
    add_backend(parser)
    add_limits(parser, "a sample")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Predicts."""
    from graphnet.data import read_samples

    network = load(options.file, backend=options.backend, threads=options.threads, memory_limit=options.memory_limit,
                   work_limit=options.work_limit)
    samples = read_samples(options.input, sample_shape(network, NAME), invert=options.invert)
    outputs = network.predict(samples, options.batch_size)
    if isinstance(outputs, dict):
        raise TypeError("a network with one output predicts an array")
    classes = probabilities(network, outputs)
    if options.json:
        print(json.dumps(_as_data(outputs, classes)))
        return 0
    for index in range(len(samples)):
        name = label(options.input) + ("" if len(samples) == 1 else f"[{index}]")
        print(f"{name}: {_as_text(outputs[index], None if classes is None else classes[index], options.top)}")
    return 0


def _as_text(output: NDArray[np.floating], classes: NDArray[np.float64] | None, top: int) -> str:
    if classes is None:
        return " ".join(f"{value:.6g}" for value in output.ravel())
    order = np.argsort(-classes, kind="stable")
    shown = "\n".join(f"  {label:>4}  {classes[label]:8.4%}" for label in order[:top])
    return f"class {order[0]} ({classes[order[0]]:.2%})\n{shown}"


def _as_data(outputs: NDArray[np.floating], classes: NDArray[np.float64] | None) -> list[dict[str, object]]:
    if classes is None:
        return [{"output": output.tolist()} for output in outputs]
    return [{"class": int(row.argmax()), "probabilities": row.tolist()} for row in classes]
