"""What may be set on a network as it is, what values that takes, and what there is in place of setting the rest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from graphnet.common.checks import check_flag, check_number, check_whole
from graphnet.common.frozen import Check

MAX_SEED = 2**64 - 1  # the largest that a file holds
MAX_COUNT = 2**62  # of steps and epochs: so far an int64, in which a Program gets the number of its step, counts on
_COMPILE = "compile the model again, gn.compile(model, {}), and carry the weights over with set_weights(net.weights)"
_RATE = ("set net.rate_factor, which multiplies the learning rate of every step, or declare the optimizer with a "
         "schedule of gn.schedules; callbacks such as gn.callbacks.ReduceOnPlateau change it along the way")
_TRAINABLE = f"declare the layers that are not to be trained with trainable=False and {_COMPILE.format('…')}"


def _check_factor(owner: str, name: str, value: object) -> float:
    return check_number(owner, name, value, 0)


CHECKS: Mapping[str, Check] = {
    "step": partial(check_whole, least=0, most=MAX_COUNT), "epoch": partial(check_whole, least=0, most=MAX_COUNT),
    "rate_factor": _check_factor,
    "seed": partial(check_whole, least=0, most=MAX_SEED), "allow_nonfinite": check_flag}

INSTEAD: Mapping[str, str] = {
    "weights": "call net.set_weights({name: array})",
    "states": "call net.set_states({name: array}), or net.reset_states() for stateful layers to begin anew",
    "optimizer_state": "call net.set_optimizer_state({moment: {weight name: array}})",
    "samples": "set all of net.samples, or give them to net.save(path, samples=…)",
    "optimizer": f"its Programs are made for the one that it has: {_COMPILE.format('…, optimizer=…')}; for the "
                 f"learning rate alone {_RATE}",
    "learning_rate": _RATE, "lr": _RATE, "trainable": _TRAINABLE,
    "callbacks": "give them to fit, net.fit(x, y, callbacks=[…])",
    **dict.fromkeys(("objective", "loss", "metrics", "loss_weights"), _COMPILE.format("loss=…, metrics=[…]")),
    **{name: f"{_COMPILE.format(f'…, {name}=…')}, or load its file with gn.load(path, {name}=…)"
       for name in ("backend", "threads")},
    **dict.fromkeys(("graph", "optimize", "dtype", "blas_threads", "memory_limit", "regularizer"),
                    _COMPILE.format("…")),
}


def instead(name: str) -> str:
    """What to do in place of setting an attribute of a network."""
    return INSTEAD.get(name, f"of a network there may be set samples, {', '.join(CHECKS)}; all else is said to "
                             "gn.compile, fit and save")


def refusal(what: str) -> str:
    """The text of the error of an assignment to an entry of what a network hands out by name."""
    return f"an entry of net.{what} cannot be set, since the network would not see it: {INSTEAD[what]}"
