"""Lets a character model write: each character is drawn from what the model says comes after those before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphnet.common.checks import check_number, check_whole
from graphnet.compiler.errors import ArgumentError, DataError, GraphError
from graphnet.compiler.types import format_shape
from graphnet.data.text.texts import SYMBOLS, decode_text, encode_text
from graphnet.network.network import Network


def write_text(network: Network, length: int, prompt: str = "\n", temperature: float = 1.0, seed: int = 0) -> str:
    """Writes a text with a stateful character model. The states that the network carries stay as they are.

    Args:
        network: with one input (N, T) of numbers from `encode_text`, T free, and one output (N, T, 256): the logits of
            the character after each.
        length: characters to write, in bytes of UTF-8.
        prompt: what comes before, as read by the model; not part of the result. The default is the end of a line.
        temperature: τ in p ∝ exp(z / τ), where z are the logits: 1 draws as the model predicts, less makes what is
            likely likelier, and 0 takes the likeliest always (of equal ones the first).
        seed: the same seed gives the same text.

    Returns:
        The text, with � for what is no text.

    Raises:
        ArgumentError: an argument is not allowed.
        GraphError: the network is no stateful character model.
        DataError: the network's outputs are not finite.
    """
    length = check_whole("write_text", "length", length)
    temperature = check_number("write_text", "temperature", temperature, 0)
    seed = check_whole("write_text", "seed", seed, 0)
    _check_model(network)
    numbers = encode_text(prompt)
    if not numbers.size:
        raise ArgumentError("write_text", "prompt", prompt, "the model must have read at least one character")
    stream = np.random.Generator(np.random.Philox(seed))
    written: list[int] = []
    with network._runner.states_set_aside():
        for number in numbers:
            logits = _read(network, number)
        while len(written) < length:
            written.append(draw_class(logits, temperature, stream))
            logits = _read(network, written[-1])
    return decode_text(np.array(written))


def draw_class(logits: NDArray[np.floating], temperature: float, stream: np.random.Generator) -> int:
    """A class drawn with p ∝ exp(z / τ) (Ackley, Hinton and Sejnowski 1985, equation 5, for many classes).

    Args:
        logits: z, (classes,).
        temperature: τ ≥ 0; 0 takes the largest.
        stream: gives one number.

    Raises:
        DataError: a logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise DataError("the model's outputs are not finite, so nothing can be drawn from them; train it again with a "
                        "smaller learning rate")
    if temperature == 0:
        return int(logits.argmax())
    with np.errstate(over="ignore"):  # -∞ is right: such a class is never drawn
        scaled = (logits.astype(np.float64) - logits.max()) / temperature
    sums = np.exp(scaled).cumsum()
    return int(np.searchsorted(sums, stream.random() * sums[-1], side="right"))


def _read(network: Network, number: int) -> NDArray[np.floating]:
    """The logits of the character after this one."""
    outputs = network.predict(np.array([[number]], np.int64), batch_size=1)
    if isinstance(outputs, dict):
        raise TypeError("a network with one output predicts an array")
    last: NDArray[np.floating] = outputs[0, 0]
    return last


def _check_model(network: Network) -> None:
    graph = network.graph
    inputs = [graph.types[i.value] for i in graph.inputs]
    outputs = [graph.types[o.value] for o in graph.outputs]
    fits = (len(inputs) == len(outputs) == 1 and inputs[0].rank == 2 and not inputs[0].is_float
            and isinstance(inputs[0].shape[1], str) and outputs[0].shape == (*inputs[0].shape, SYMBOLS))
    if not fits:
        shown = [", ".join(f"{t.dtype} {format_shape(t.shape)}" for t in types) for types in (inputs, outputs)]
        raise GraphError(f"{graph.name!r} makes {shown[1]} of {shown[0]}, but to write text it must make "
                         f"(N, T, {SYMBOLS}) logits of int64 (N, T), T free; `graphnet train char_rnn` makes one")
    if not network.stateful:
        raise GraphError(f"{graph.name!r} forgets what it has read after each call; to write text its recurrent layers "
                         "need stateful=True")
