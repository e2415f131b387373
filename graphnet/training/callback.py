"""What `fit` calls along the way, and what it may use of the network."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from graphnet.common.answers import Answering
from graphnet.common.habits import NONE, rows_for
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import Array
from graphnet.engine.checkpoints import FIT
from graphnet.optimizers import Optimizer


class Trained(Protocol):
    """What a callback may use of the network that is trained: see `Engine` and `Network`."""

    seed: int
    epoch: int

    @property
    def step(self) -> int:
        """How many training steps were done."""
        ...

    @step.setter
    def step(self, step: int) -> None: ...

    @property
    def rate_factor(self) -> float:
        """What the optimizer's learning rate is multiplied by."""
        ...

    @rate_factor.setter
    def rate_factor(self, factor: float) -> None: ...

    @property
    def optimizer(self) -> Optimizer | None:
        """How weights follow their gradients."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weights by name, as read-only views."""
        ...

    def set_weights(self, weights: Mapping[str, object]) -> None:
        """Replaces the named weights."""

    @property
    def states(self) -> Mapping[str, Array]:
        """What layers keep from step to step, as read-only copies by name."""
        ...

    def set_states(self, states: Mapping[str, object]) -> None:
        """Replaces the named states."""

    def reset_states(self, names: Sequence[str] | None = None) -> None:
        """Lets stateful layers begin new sequences."""

    def predict(self, x: object, batch_size: int = ...) -> Array | Any:
        """The outputs for samples."""
        ...

    def evaluate(self, x: object, y: object, batch_size: int = ..., *, sample_weight: object = None) -> dict[str, Any]:
        """Loss and metrics over all samples."""
        ...

    def save(self, path: str | os.PathLike[str], *, samples: object = None) -> None:
        """Writes a `.gnet` file."""


class Callback(Answering):
    """What `fit` calls along the way. Override what you need; epochs and steps count over the life of the network.

    A callback that remembers something from step to step or from epoch to epoch overrides `state` and `set_state` too,
    so that a training that goes on from a checkpoint does what it would have done.

    The network that they are given is the one that is trained. Its type here is `Any`, so that an override may ask for
    as much of it as it needs: `gn.Network`, `gn.Engine`, or no more than `Trained` has.

    Keras / PyTorch: `callbacks.Callback` / –. Methods get the network as an argument, epochs and steps count from 1,
    and True from `on_epoch_end` is Keras's `self.model.stop_training = True`; `on_step_end` is `on_train_batch_end`.

    Attributes:
        prints_epochs: whether it prints a line for each epoch itself, so that `fit` does not.

    Example:
        >>> class Enough(gn.Callback):
        ...     def on_epoch_end(self, network, epoch, logs):
        ...         return epoch == 2
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd")
        >>> x, y = np.ones((4, 2)), np.ones((4, 1))
        >>> net.fit(x, y, epochs=9, callbacks=[Enough()], verbose=False).epochs
        [1, 2]
    """

    prints_epochs: ClassVar[bool] = False
    _habits = "Methods and attributes of a callback"

    def on_train_begin(self, network: Any) -> None:
        """Before the first epoch of a call of `fit`."""

    def on_epoch_begin(self, network: Any, epoch: int) -> None:
        """Before an epoch."""

    def on_step_end(self, network: Any, step: int, logs: dict[str, float]) -> None:
        """After a step; `logs` has the `loss` of its batch, from before the step."""

    def on_epoch_end(self, network: Any, epoch: int, logs: dict[str, Any]) -> bool | None:
        """After an epoch (and its validation). Returning True stops the training."""

    def why_stopped(self) -> str:
        """Why it stopped the training, for the line that says so; if it is empty, the line names the class."""
        return ""

    def on_train_end(self, network: Any) -> None:
        """After the last epoch, also if a callback stopped the training; not if an error did.

        What it makes of the network stands in the checkpoint too. It is called again when a training that had ended is
        resumed, and must find nothing left to do then.
        """

    def on_train_break(self, network: Any) -> None:
        """When Ctrl-C or an error ends the training, before that goes on its way.

        After Ctrl-C the training can be gone on with: what is made of the network here, `on_train_resume` takes back,
        from what `state` keeps.
        """

    def on_train_resume(self, network: Any) -> None:
        """When a training goes on from where it was cut: after `set_state`, and before the next step."""

    def check_figures(self, figures: Mapping[str, str | None]) -> None:
        """Before `on_train_begin`: refuses, by an error, figures that do not do.

        Args:
            figures: those that `on_epoch_end` will get, by name, each with "min" or "max" if it is known which ones are
                better, "neither" if it is an array, or None.
        """

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: plain data (None, bool, int, float, str, bytes, lists, dicts) and arrays."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave, when a training goes on: after `on_train_begin`, and before the next step.

        In the middle of an epoch there is no further `on_epoch_begin` for it.

        Raises:
            GraphNetError: the state does not fit.
        """
        from graphnet.runtime.gnet.codec import decode_map

        decode_map(state, {}, ("train", FIT, "callbacks", type(self).__name__))


def check_callbacks(callbacks: Sequence[Callback] | None) -> Sequence[Callback]:
    """A list of callbacks, empty for None.

    Raises:
        ArgumentError: it is none, or holds something else, such as a class instead of an object, or one whose methods
            are named as in another library, so that nothing would call them, or take other arguments.
    """
    if callbacks is None:
        return ()
    if not isinstance(callbacks, list | tuple):
        raise ArgumentError("fit", "callbacks", callbacks, "it must be a list of Callback objects")
    for index, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            raise ArgumentError("fit", f"callbacks[{index}]", callback, "it must be a Callback object")
        _check_methods(f"callbacks[{index}]", callback)
    return callbacks


def _check_methods(name: str, callback: Callback) -> None:
    kind = type(callback)
    for method in _METHODS:
        if getattr(kind, method) is not getattr(Callback, method):
            _check_signature(name, callback, method)
    for method in (method for method in dir(kind) if method.startswith("on_") and not hasattr(Callback, method)):
        for row in rows_for(Callback._habits, method):
            ours = row.here.removeprefix("callback.")
            if ours == NONE or getattr(kind, ours) is getattr(Callback, ours):  # else it is written for both libraries
                raise ArgumentError("fit", name, callback, f"nothing calls its method {method}; {row.text}")


def _check_signature(name: str, callback: Callback, method: str) -> None:
    """Refuses a method that takes other arguments, now and not after an epoch."""
    given = list(inspect.signature(getattr(Callback, method)).parameters)[1:]
    try:
        inspect.signature(getattr(callback, method)).bind(*given)
    except TypeError:
        raise ArgumentError("fit", name, callback, f"its method is called as {method}({', '.join(given)})") from None


_METHODS = tuple(method for method in vars(Callback) if method.startswith("on_"))
