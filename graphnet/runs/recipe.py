"""Recipes: what to train a model on and how, in plain sight beside the model; and the settings of one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from graphnet.compiler.errors import ArgumentError
from graphnet.data import Dataset
from graphnet.declare.model import Model
from graphnet.network.network import Network
from graphnet.optimizers import OPTIMIZERS, Optimizer
from graphnet.runs.options import Option, Values, options_of, parse_options
from graphnet.runtime.records import unless
from graphnet.schedules import Constant, CosineDecay, OneCycle, Schedule

T = TypeVar("T")
SCHEDULES: Mapping[str, Callable[[float, int], Schedule]] = {
    "constant": lambda rate, steps: Constant(rate), "cosine": CosineDecay, "one_cycle": OneCycle,
}
"""What a recipe can name: functions of the highest learning rate and the number of steps of the run."""


@dataclass(frozen=True)
class Recipe:
    """How a model of `graphnet.models` is trained; `graphnet train NAME` does this unless it is told otherwise.

    Attributes:
        model: makes the model. Keyword-only arguments, of `data` too, are what `--set` changes (see `runs.options`).
        data: loads the data set from the directory that the user gave, or if that is None from where it is found.
        loss: as `gn.compile` takes it; so are `metrics` and `optimizer`.
        metrics: names of metrics.
        optimizer: a name.
        learning_rate: the highest rate of the schedule.
        schedule: a name in SCHEDULES.
        epochs: passes over the training samples.
        batch_size: samples a step.
        stream_steps: of data that is one long sequence, for a stateful model: how many steps of it make a sample; a
            batch then is `batch_size` pieces of it, each of which goes on in the next batch (see `cut_streams`).
            None for samples that have nothing to do with one another.
        report: makes a text of the network to show after each epoch, such as what it writes.
    """

    model: Callable[..., Model]
    data: Callable[..., Dataset]
    loss: str = "softmax_cross_entropy"
    metrics: tuple[str, ...] = ("accuracy",)
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "one_cycle"
    epochs: int = 10
    batch_size: int = 64
    stream_steps: int | None = None
    report: Callable[[Network], str] | None = None

    @property
    def model_options(self) -> dict[str, Option]:
        """What can be set about the model."""
        return options_of(self.model)

    @property
    def data_options(self) -> dict[str, Option]:
        """What can be set about the data."""
        return options_of(self.data)

    @property
    def options(self) -> dict[str, Option]:
        """All that can be set."""
        return self.model_options | self.data_options

    def make_model(self, values: Values) -> Model:
        """The model with these values of its options; others are left out."""
        return self.model(**{name: values[name] for name in self.model_options if name in values})

    def load_data(self, data_dir: str | os.PathLike[str] | None, values: Values) -> Dataset:
        """The data set with these values of its options; others are left out.

        Raises:
            GraphNetError: the data is not there or cannot be used.
        """
        return self.data(data_dir, **{name: values[name] for name in self.data_options if name in values})


@dataclass(frozen=True)
class Settings:
    """What the user can choose for a run.

    Attributes:
        epochs: passes over the training samples.
        batch_size: samples a step.
        optimizer: a name.
        learning_rate: the highest rate of the schedule.
        schedule: a name in SCHEDULES.
        seed: of the first weights, of shuffling and of what is held out.
        dtype: "float32" or "float64".
        validation: share of the training samples to hold out, in [0, 1); with 0 the curves show the test samples.
        data_dir: where the data is; None for where the recipe finds it.
        options: the value of each of the recipe's options.
        backend: as `gn.compile` takes it; None for the default.
        threads: likewise.
    """

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float | int
    schedule: str
    seed: int = 0
    dtype: str = "float32"
    validation: float | int = 0.0
    data_dir: str | None = None
    options: Values = field(default_factory=dict)
    backend: Literal["auto", "native", "native-direct", "numpy"] | None = unless(None)
    threads: int | None = unless(None)

    @classmethod
    def of(cls, recipe: Recipe, *, epochs: int | None = None, batch_size: int | None = None,
           optimizer: str | None = None, learning_rate: float | None = None, schedule: str | None = None,
           seed: int = 0, dtype: str = "float32", validation: float = 0.0, data_dir: str | None = None,
           options: Mapping[str, str] | None = None, backend: Any = None,
           threads: int | None = None) -> Settings:
        """The recipe's settings where nothing else is given; options as texts, by name.

        A recipe's learning rate suits its own optimizer; with another optimizer that one's default is taken.

        Raises:
            ArgumentError: the optimizer or an option is unknown, or an option's value not allowed.
        """
        name = _given(optimizer, recipe.optimizer)
        if learning_rate is None:
            learning_rate = recipe.learning_rate if name == recipe.optimizer else _default_rate(name)
        return cls(_given(epochs, recipe.epochs), _given(batch_size, recipe.batch_size), name, learning_rate,
                   _given(schedule, recipe.schedule), seed, dtype, validation, data_dir,
                   parse_options(recipe.options, options or {}), backend, threads)

    def make_optimizer(self, steps: int) -> Optimizer:
        """The optimizer with its schedule for a run of so many steps.

        Raises:
            ArgumentError: the optimizer or the schedule is unknown, or the rate not allowed.
        """
        if self.schedule not in SCHEDULES:
            raise ArgumentError("train", "schedule", self.schedule, f"it must be one of {', '.join(SCHEDULES)}")
        rate = SCHEDULES[self.schedule](self.learning_rate, steps)
        return replace(OPTIMIZERS.resolve("train", "optimizer", self.optimizer), learning_rate=rate)


def _given(value: T | None, default: T) -> T:
    return default if value is None else value


def _default_rate(optimizer: str) -> float:
    return OPTIMIZERS.resolve("train", "optimizer", optimizer).rate_at(1)
