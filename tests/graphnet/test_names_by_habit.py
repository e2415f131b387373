"""Every name, argument and string of the table is taken or answered, and what it says is here is here.

`names_elsewhere.txt` holds the public names of Keras and scikit-learn, so that none is forgotten; those of PyTorch are
looked up where it is installed.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from public_surface import MODULES, answering, error_of, held

import graphnet as gn
from graphnet.common import habits
from graphnet.common.habits import ABSENT, ARGUMENTS, CLASSES, NONE, WORDS, Habit
from graphnet.common.registry import Registry
from graphnet.constraints import CONSTRAINTS
from graphnet.initializers import INITIALIZERS
from graphnet.layers.activation import ACTIVATIONS
from graphnet.losses import LOSSES
from graphnet.metrics import METRICS
from graphnet.optimizers import OPTIMIZERS
from graphnet.regularizers import REGULARIZERS

REGISTRIES: dict[str, Registry[Any]] = {
    registry.habits: registry
    for registry in (LOSSES, METRICS, OPTIMIZERS, ACTIVATIONS, INITIALIZERS, REGULARIZERS, CONSTRAINTS)}
ATTRIBUTES = "Methods and attributes of "
LIBRARIES = {"Keras", "PyTorch", "scikit-learn"}
OTHERWISE = {'"cross_entropy"', "call()"}
"""What is here, too, but means something else than there; the last column says so."""
CHOOSING: dict[str, Callable[[str], object]] = {
    "padding": lambda word: gn.layers.Conv1D(1, 1, padding=word),
    "reduction": lambda word: gn.losses.MeanSquaredError(reduction=word),
    "average": gn.metrics.F1,
    "merge_mode": lambda word: gn.layers.Bidirectional(gn.layers.LSTM(1), word),
    "mode": lambda word: gn.callbacks.EarlyStopping(mode=word),
    "dtype": lambda word: gn.Input((1,), dtype=word),
    "backend": lambda word: gn.compile(held("model"), backend=word),
}
"""What takes a word, by the first word of the last column."""


def rows(*headings: str) -> list[Any]:
    """The rows of all sections whose headings begin so, with their section."""
    return [pytest.param(section, row, id=f"{section}: {row.there} → {row.here}")
            for section in habits.sections() if section.startswith(headings) for row in habits.habits(section)]


def evaluated(here: str) -> Any:
    """What stands in the column "here", as an object."""
    names = {kind: held(kind) for kind in ("net", "model", "tensor", "layer", "optimizer", "history", "callback")}
    return eval(here, {"gn": gn} | names)


def fitting(name: str, known: list[str]) -> list[Habit]:
    """The rows of an argument that say what it is among the known ones."""
    return [row for row in argument_rows()[name] if row.name in known]


@cache
def argument_rows() -> dict[str, list[Habit]]:
    """The rows of arguments by name."""
    table = habits.habits(ARGUMENTS)
    return {row.key: [other for other in table if other.key == row.key] for row in table}


def answers(text: str, row: Habit) -> bool:
    """Whether an error says what the row says."""
    return (row.note if row.here == NONE else row.here) in text


# The table itself --------------------------------------------------------------------------------------------------


def test_every_row_is_read() -> None:
    text = (Path(habits.__file__).parents[1] / "NAMES.md").read_text("utf-8")
    written = re.findall("^\\| (?!there )", text, re.MULTILINE)
    read = [row for section in habits.sections() for row in habits.habits(section)]
    assert len(read) == len(written) > 1000
    known = {CLASSES, ARGUMENTS, WORDS, ABSENT, *REGISTRIES}
    assert [name for name in habits.sections() if name not in known and not name.startswith(ATTRIBUTES)] == []


def test_no_row_twice() -> None:
    counts = Counter((section, row.there, row.here) for section in habits.sections() for row in habits.habits(section))
    assert [key for key, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("section", habits.sections())
def test_rows_are_whole(section: str) -> None:
    for row in habits.habits(section):
        assert set(row.library.split(", ")) <= LIBRARIES, row
        assert row.there.startswith('"') == (section in {WORDS, *REGISTRIES}), row
        assert row.there.endswith("=") == (section == ARGUMENTS), row
        assert is_there(section, row.here) if row.here != NONE else row.note, row


def is_there(section: str, here: str) -> bool:
    """Whether what a row says is here is here."""
    if re.fullmatch(r"\w+=(None)?", here):
        return any(here.partition("=")[0] in known for _, known in answering().values())
    if not here.startswith('"'):
        return evaluated(here) is not None
    return section == WORDS or ast.literal_eval(here) in (*REGISTRIES[section].names, "linear")


# Taken or answered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("section", "row"), rows(CLASSES))
def test_classes_and_functions(section: str, row: Habit) -> None:
    home = row.here.split(".")[1] if row.here.count(".") > 1 else ""
    module = MODULES.get(home, gn.layers if row.there in gn.__all__ else gn)
    if isinstance(getattr(module, row.there, None), ModuleType):  # a file of that name
        module = gn
    if hasattr(module, row.there):
        assert getattr(module, row.there) is evaluated(row.here)
        return
    text = error_of(lambda: getattr(module, row.there))
    assert text is not None
    assert answers(text, row), text


@pytest.mark.parametrize(("section", "row"), rows(ARGUMENTS))
def test_arguments(section: str, row: Habit) -> None:
    """Of each class and function that the row answers for; a row without an argument answers where none fits."""
    asked = 0
    for called, known in answering().values():
        fits = fitting(row.key, known)
        if row.key in known:
            assert row.name != row.key or fits[0] == row
            asked += row.name == row.key
        elif fits[:1] == [row] or not (fits or asked or row.here.endswith("=")):
            text = error_of(lambda called=called: called(**{row.key: 1})) or ""
            assert answers(text, row), text
            asked += 1
    assert asked


@pytest.mark.parametrize(("section", "row"), rows(*REGISTRIES))
def test_strings(section: str, row: Habit) -> None:
    registry = REGISTRIES[section]
    owner = "activation" if registry is ACTIVATIONS else "here"
    if row.here == '"linear"':
        for word in (row.key, "linear"):
            text = error_of(lambda word=word: gn.layers.Dense(1, activation=word))
            assert text is None or answers(text, row)
        return
    text = error_of(lambda: registry.resolve("Test", owner, row.key))
    if text is not None:
        assert answers(text, row), text
    elif row.there in OTHERWISE:
        assert row.there in row.note
    else:
        assert repr(registry.resolve("Test", owner, row.key)) == repr(registry.resolve("Test", owner, row.name))


@pytest.mark.parametrize(("section", "row"), rows(WORDS))
def test_words(section: str, row: Habit) -> None:
    choose = CHOOSING[re.split(r"\W", row.note)[0]] if row.there != '"auto"' else CHOOSING["mode"]
    text = error_of(lambda: choose(row.key))
    if text is None:
        assert row.here == row.there
    else:
        assert row.text in text
        assert row.here == NONE or (error := error_of(lambda: choose(row.name))) is None or needs_more(error)


def needs_more(error: str) -> bool:
    """Whether a word is known, but what it needs is not installed."""
    return find_spec("llvmlite") is None and "needs llvmlite, which is not installed" in error


@pytest.mark.parametrize(("section", "row"), rows(ATTRIBUTES))
def test_attributes(section: str, row: Habit) -> None:
    kind = section.split()[-1]
    text = error_of(lambda: getattr(held(kind), row.key))
    if text is not None:
        assert answers(text, row), text
    elif row.there in OTHERWISE:
        assert "of your own" in row.note
    else:
        assert row.here == f"{'net' if kind == 'network' else kind}.{row.key}"


def test_a_name_of_nothing_here_says_so() -> None:
    for name, module in habits.absent().items():
        text = error_of(lambda name=name: getattr(gn.layers, name)) or ""
        assert f"{name} of {module} has no counterpart here" in text, text


# Nothing is forgotten ----------------------------------------------------------------------------------------------


def elsewhere() -> Iterator[Any]:
    """The public names of other libraries, by module."""
    for line in Path(__file__).with_name("names_elsewhere.txt").read_text().splitlines()[1:]:
        module, _, names = line.partition(": ")
        yield pytest.param(module, names.split(), id=module)


@pytest.mark.parametrize(("module", "names"), list(elsewhere()))
def test_keras_and_scikit_learn(module: str, names: list[str]) -> None:
    assert len(names) > 2
    check_complete(module, names)


@pytest.mark.parity
@pytest.mark.parametrize("module", ["torch.nn", "torch.nn.init", "torch.optim", "torch.optim.lr_scheduler"])
def test_pytorch(module: str) -> None:
    from importlib import import_module

    kind = inspect.isfunction if module == "torch.nn.init" else inspect.isclass
    own = [name for name, value in vars(import_module(module)).items()
           if name[0] != "_" and kind(value) and value.__module__.startswith(module)]
    assert len(own) > 10
    check_complete(module, own)


@pytest.mark.parity
def test_what_is_said_to_be_of_pytorch_is() -> None:
    import torch
    from torch.utils import data

    places = (torch, torch.nn, torch.nn.functional, torch.nn.init, torch.nn.utils, torch.nn.utils.rnn, torch.optim,
              torch.optim.lr_scheduler, torch.utils, data, torch.autograd, torch.library, torch.Tensor)
    outside = {"F", "MNIST", "ToTensor", "SummaryWriter"}  # by habit, of torchvision, of an optional package
    missing = [row.there for row in habits.habits(CLASSES) if "PyTorch" in row.library and row.there not in outside
               and not any(hasattr(place, row.there) for place in places)]
    missing += [name for name in absent_of("torch.nn.functional") if not hasattr(torch.nn.functional, name)]
    assert missing == []


def check_complete(module: str, names: list[str]) -> None:
    """Every name has a row, or stands in the list of its module."""
    table = {row.there for row in habits.habits(CLASSES)}
    assert set(names) <= table | absent_of(module)
    assert absent_of(module) <= set(names) - table


def absent_of(module: str) -> set[str]:
    """The names that the last section lists for a module."""
    found = re.search(rf"^- `{re.escape(module)}`: (.+(?:\n  .+)*)", habits.sections()[ABSENT], re.MULTILINE)
    return set(found[1].replace(",", " ").split()) if found else set()


# Aliases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("registry", "name", "item"), [
    (LOSSES, "MSE", gn.losses.MeanSquaredError()), (LOSSES, "bce", gn.losses.BinaryCrossEntropy()),
    (LOSSES, "binary_crossentropy", gn.losses.BinaryCrossEntropy()), (LOSSES, "KLD", gn.losses.KLDivergence()),
    (METRICS, "acc", gn.metrics.Accuracy()), (METRICS, "sparse_categorical_accuracy", gn.metrics.Accuracy()),
    (METRICS, "categorical_accuracy", gn.metrics.Accuracy()), (OPTIMIZERS, "Adam", gn.optimizers.Adam()),
    (OPTIMIZERS, "RMSprop", gn.optimizers.RMSProp()), (INITIALIZERS, "kaiming_uniform", gn.initializers.HeUniform()),
    (INITIALIZERS, "kaiming_normal", gn.initializers.HeNormal()),
    (INITIALIZERS, "random_normal", gn.initializers.Normal()),
    (INITIALIZERS, "random_uniform", gn.initializers.Uniform()),
    (CONSTRAINTS, "non_neg", gn.constraints.NonNegative()),
])
def test_aliases(registry: Registry[Any], name: str, item: object) -> None:
    resolved = registry.resolve("Test", "argument", name)
    assert type(resolved) is type(item)
    assert resolved == item


class Ported(gn.Callback):
    """Derived from graphnet's class, with a method of Keras's."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Nobody calls it."""


class ForBoth(Ported):
    """Has graphnet's method, too."""

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        """This one is called."""


def test_methods_of_callbacks_that_nothing_calls() -> None:
    x, y, net = np.zeros((2, 4)), np.zeros((2, 2)), held("net")
    with pytest.raises(gn.ArgumentError, match=r"fit: callbacks\[1\] is .*Ported.*, but nothing calls its method "
                       r"on_train_batch_end; on_train_batch_end\(\) of Keras is callback.on_step_end here"):
        net.fit(x, y, callbacks=[gn.Callback(), Ported()], verbose=False)
    net.fit(x, y, callbacks=[ForBoth()], verbose=False)


class Keras(gn.Callback):
    """Derived from graphnet's class, with the arguments of Keras's."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # type: ignore[override]
        """Gets the network first."""


class Anything(gn.Callback):
    """Takes what comes."""

    def on_epoch_end(self, *given: Any) -> None:
        """Is called."""


def test_methods_of_callbacks_that_take_other_arguments() -> None:
    x, y, net = np.zeros((2, 4)), np.zeros((2, 2)), held("net")
    before = net.step
    with pytest.raises(gn.ArgumentError, match=r"its method is called as on_epoch_end\(network, epoch, logs\)"):
        net.fit(x, y, callbacks=[Keras()], verbose=False)
    assert net.step == before, "not after an epoch"
    net.fit(x, y, callbacks=[Anything()], verbose=False)


def test_layers_as_they_are_written_elsewhere() -> None:
    class Own(gn.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    class Net(gn.layers.Layer):
        def forward(self, x: Any) -> Any:
            """Nobody calls it."""

    for layer in (Own(), Net()):
        with pytest.raises(gn.GraphError, match=r"has no emit\(self, b, x\): it adds the ops that Keras's call"):
            layer(gn.Input((3,)))


def test_classes_named_by_strings_are_those_of_their_library() -> None:
    with pytest.raises(gn.ArgumentError, match='"sparse_categorical_crossentropy" of Keras is "cross_entropy" here'):
        gn.compile(held("model"), "SparseCategoricalCrossentropy")


def test_linear_is_no_activation() -> None:
    assert gn.layers.Dense(1, activation="linear").activation is None
    assert gn.layers.Conv2D(1, 1, activation="linear").activation is None
