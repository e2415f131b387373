"""A colour for each kind of layer, the same in every picture.

The colours are white and those of Paul Tol's scheme "light" (Colour Schemes, SRON/EPS/TN/09-002), made for areas with
dark text that people with impaired colour vision tell apart. There are more kinds of layers than such colours, so kinds
that do alike share one. A kind of no family takes one by its name, and a legend says all kinds of a colour at once.
"""

from __future__ import annotations

import re
from functools import cache
from zlib import crc32

from graphnet.compiler.ir import Origin

GREY, WHITE = "#dddddd", "#ffffff"
_BLUE, _CYAN, _MINT, _PEAR, _OLIVE = "#77aadd", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00"
_YELLOW, _ORANGE, _PINK = "#eedd88", "#ee8866", "#ffaabb"
_FAMILIES = (
    (GREY, "Input|^$"),
    (_BLUE, "Conv"),
    (_CYAN, "Pool"),
    (_MINT, "Norm|Dropout|Noise"),
    (_OLIVE, "LSTM|GRU|RNN|Bidirectional|Recurrent"),
    (WHITE, "Flatten|Reshape|Permute|Transpose|Slice|Pad|Crop|UpSample"),
    (_ORANGE, "Dense|Linear|Embedding"),
    (_PINK, "(Add|Subtract|Multiply|Divide|Average|Concatenate|Maximum|Minimum|Dot)(?![a-z])"),
    (_PEAR, "loss$|Update$|^optimizer|Metric|^metric|Accuracy|Precision|Recall|F1|Perplexity|Confusion|Error"),
    (_YELLOW, "[Rr]elu|ReLU|[SG]?ELU|SiLU|Soft|Sigmoid|Tanh|Mish|Activation"),
)
"""The first that is found in the name of a kind says its colour, so that layers of the user's own, called `MyConv2D`,
have that of their like."""
_STRANGE = (_BLUE, _CYAN, _MINT, _OLIVE, _YELLOW, _ORANGE, _PINK)


def kind_of(origin: Origin) -> str:
    """The kind of a layer, a loss, a metric or an update: its class, of a loss with that word, or its name."""
    return f"{origin.kind} loss" if origin.kind and origin.layer == "loss" else origin.kind or origin.layer


@cache
def kind_colour(kind: str) -> str:
    """The colour `#rrggbb` of a kind, on which dark text is readable."""
    found = next((colour for colour, names in _FAMILIES if re.search(names, kind)), None)
    return found or _STRANGE[crc32(kind.encode("utf-8", "backslashreplace")) % len(_STRANGE)]


def paler(colour: str) -> str:
    """The colour for what belongs to a thing of that colour and is not it."""
    return "#" + "".join(f"{round(0.35 * int(colour[i:i + 2], 16) + 0.65 * 255):02x}" for i in (1, 3, 5))


def darker(colour: str) -> str:
    """The colour for the edge of an area."""
    return "#" + "".join(f"{int(int(colour[i:i + 2], 16) * 0.62):02x}" for i in (1, 3, 5))
