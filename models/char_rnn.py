"""A recurrent network that reads a text character by character, predicts the next one, and so learns to write.

Every batch goes on where the one before it ended, and the hidden state with it (`stateful=True`), so what the network
knows reaches back further than its gradients, 50 steps (truncated back-propagation through time, Williams and Peng
1990). After each epoch it writes a piece of text.

Run it with `graphnet train char_rnn`, or this file with the same options: `--set text=FILE` takes a text of yours
instead of the generated tales, `--set cell=gru` another cell. `graphnet sample model.gnet` lets it write more. Of the
tales it predicts 92 % of the characters, with a perplexity of 1.24 (seeds 0 to 2); what the tales draw by lot comes to
1.09, which no model can go below. The saved model begins new texts: it carries no state.
"""

from __future__ import annotations

import os
import sys
from typing import Literal

import graphnet as gn
from graphnet.data import Dataset, load_text
from graphnet.data.text.texts import SYMBOLS
from graphnet.runs import FilePath, Recipe
from graphnet.runs.text_sampling import write_text

CELLS = {"simple": gn.layers.SimpleRNN, "lstm": gn.layers.LSTM, "gru": gn.layers.GRU}


def model(*, cell: Literal["simple", "lstm", "gru"] = "lstm", units: int = 128) -> gn.Model:
    """The model: numbers of characters (T,), as `encode_text` makes them, to the logits (T, 256) of those after each.

    Args:
        cell: which recurrent layer.
        units: size of its hidden state.
    """
    text = gn.Input((None,), dtype="int64", name="text")
    h = gn.layers.Embedding(SYMBOLS, 32, name="characters")(text)
    h = CELLS[cell](units, return_sequences=True, stateful=True, name="reader")(h)
    logits = gn.layers.Dense(SYMBOLS, name="logits")(h)
    return gn.Model(text, logits, name="char_rnn")


def data(data_dir: str | os.PathLike[str] | None, *, text: FilePath = "") -> Dataset:
    """The text.

    Args:
        data_dir: None: there are no other files.
        text: the path of a text file to learn from; without one, generated tales.
    """
    if data_dir is not None:
        raise gn.ArgumentError("char_rnn", "data_dir", os.fspath(data_dir), "it learns from one text: give its path "
                               "with --set text=FILE")
    return load_text(text or None)


def report(network: gn.Network) -> str:
    """What the network writes after an epoch: from the beginning of a line, with another seed each time."""
    text = write_text(network, 160, temperature=0.8, seed=network.epoch)
    return "\n".join(f"    {line}" for line in text.splitlines())


RECIPE = Recipe(model, data, loss="softmax_cross_entropy", metrics=("accuracy", "perplexity"), optimizer="adam",
                learning_rate=1e-2, schedule="one_cycle", epochs=20, batch_size=32, stream_steps=50, report=report)

if __name__ == "__main__":
    from graphnet.cli import main

    sys.exit(main(["train", "char_rnn", *sys.argv[1:]]))
