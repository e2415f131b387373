"""Nonsense for every argument of every public class: refused where it is declared, by name and value."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from declarations import NEEDED, PERHAPS, needed

import graphnet as gn
from graphnet import constraints, initializers, layers, losses, metrics, optimizers, regularizers, schedules

ALWAYS_BAD = {
    "nan": math.nan, "inf": math.inf, "-inf": -math.inf, "complex": 1j, "bytes": b"x", "object": object(),
    "dict": {1: 2}, "empty dict": {}, "set": set(), "function": len,
    "empty text": "", "texts": ("a", "b"), "nested": ((1, 2), (3,)),
    "deep": [[1, 2], [3, 4], [5, 6]], "flags": (True, False), "empty array": np.array([]), "nans": np.full(2, math.nan),
    "matrix": np.ones((2, 2)), "fractions": (1.5, 2.5, -1.0),
}
WEIGHT_OPTIONS = ("learning_rate_multiplier", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
                  "kernel_constraint", "bias_constraint")
BASES = (layers.Layer, losses.Loss, metrics.Metric, optimizers.Optimizer, schedules.Schedule, initializers.Initializer,
         regularizers.Regularizer, constraints.Constraint)
CUSTOM = ("Apply",)  # its only argument is an op of the user's


def public_classes() -> Iterator[Any]:
    for module in (layers, losses, metrics, optimizers, schedules, initializers, regularizers, constraints):
        names = getattr(module, "__all__", dir(module))
        for cls in (getattr(module, name) for name in names if name[0] != "_"):
            ours = inspect.isclass(cls) and (issubclass(cls, BASES) or cls is initializers.Fans)
            if ours and not inspect.isabstract(cls) and cls not in BASES and cls.__name__ not in CUSTOM:
                yield pytest.param(module, cls, id=f"{module.__name__.rpartition('.')[2]}.{cls.__name__}")


def arguments_of(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    names = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [*names, *WEIGHT_OPTIONS] if any(p.kind is p.VAR_KEYWORD for p in parameters) else names


def declare(module: Any, cls: Any, argument: str, value: object) -> gn.ArgumentError | None:
    """The refusal of this value, if it is refused; anything else that is raised is a fault."""
    try:
        repr(cls(**needed(cls) | {argument: value}))
    except gn.ArgumentError as refusal:
        return refusal
    return None


@pytest.mark.parametrize(("module", "cls"), list(public_classes()))
def test_what_no_argument_takes_is_refused_by_name_and_value(module: Any, cls: Any) -> None:
    for argument in arguments_of(cls):
        for kind, value in ALWAYS_BAD.items():
            refusal = declare(module, cls, argument, value)
            assert refusal is not None, f"{argument} takes {kind}"
            assert refusal.owner == cls.__name__
            assert refusal.name.split("[")[0] == argument, f"{argument}, {kind}: {refusal}"
            assert f"{refusal.name} is {refusal.value!r}, but " in str(refusal)
            if refusal.name == argument:
                assert refusal.value is value


@pytest.mark.parametrize(("module", "cls"), list(public_classes()))
def test_other_values_are_taken_or_refused_but_never_a_crash(module: Any, cls: Any) -> None:
    for argument in arguments_of(cls):
        for kind, value in PERHAPS.items():
            refusal = declare(module, cls, argument, value)
            allowed = arguments_of(cls)
            assert refusal is None or refusal.name.split("[")[0] in allowed, f"{argument}, {kind}: {refusal}"


SIZES = (3, 2, -1, (1, 2), (2, 1), (-2, -1), ((1, 0), (2, 1)))


def of_numpy(size: Any) -> list[Any]:
    """The same size as NumPy's numbers, lists and arrays."""
    if isinstance(size, int):
        return [np.int64(size), np.int8(size), np.array(size)]
    return [list(size), np.array(size), np.array(size, np.int32), tuple(map(np.array, size)), [*map(np.int64, size)]
            if isinstance(size[0], int) else tuple(map(list, size))]


def sized() -> Iterator[tuple[Any, str, Any]]:
    """Every argument of every public class that takes one of the sizes, with the size."""
    for module, cls in (param.values for param in public_classes()):
        for argument, size in ((name, size) for name in arguments_of(cls) for size in SIZES):
            if declare(module, cls, argument, size) is None:
                yield cls, argument, size


def test_sizes_may_be_numpys_numbers_arrays_and_lists() -> None:
    seen = list(sized())
    for cls, argument, size in seen:
        wanted = repr(cls(**needed(cls) | {argument: size}))
        for form in of_numpy(size):
            made = cls(**needed(cls) | {argument: form})
            assert repr(made) == wanted, f"{cls.__name__}: {argument}={form!r}"
            kept = getattr(made if hasattr(made, argument) else made.rules, argument)
            assert type(kept) in (int, float, tuple), f"{cls.__name__}: {argument}={kept!r}"
            assert not any(isinstance(item, np.generic | np.ndarray) for item in np.ravel(np.array(kept, object)))
    kinds = [type(size[0]) if isinstance(size, tuple) else int for _, _, size in seen]
    assert len(seen) > 200
    assert kinds.count(tuple) >= 5, "margins"


def test_sizes_are_neither_bools_nor_floats() -> None:
    asked = 0
    for cls, argument, size in sized():
        if not isinstance(size, int):
            continue
        for flag in (True, np.bool_(True), np.array(True)):
            refusal = declare(None, cls, argument, flag)
            assert refusal is not None, f"{cls.__name__}: {argument}={flag!r}"
        for fraction in (float(size), np.float32(size), np.array(float(size))):
            refusal = declare(None, cls, argument, fraction)
            if refusal is not None:  # else it takes any number
                assert str(refusal).endswith(f": write {size}"), str(refusal)
                asked += 1
    assert asked > 90


@pytest.mark.parametrize("shape", [np.array([1, 28, 28]), [1, np.int64(28), np.array(28)],
                                   np.ones((5, 1, 28, 28)).shape[1:]], ids=["array", "list", "shape"])
def test_the_shape_of_an_input(shape: Any) -> None:
    assert gn.Input(shape).shape == ("N", 1, 28, 28)
    with pytest.raises(gn.ArgumentError, match=r"Input: shape is 28.0, but it must be a whole number ≥ 1: write 28"):
        gn.Input((28.0,))
    with pytest.raises(gn.ArgumentError, match="Input: shape is array"):
        gn.Input(np.ones((60, 28, 28)))  # the samples themselves


def test_sizes_of_calls_may_be_numpys_and_files_stay_as_they_are(tmp_path: Any) -> None:
    x, y = np.linspace(-1, 1, 24).reshape(8, 3), np.zeros((8, 2))
    files = []
    for whole in (int, np.int32, np.array):
        row = gn.Input((whole(3),), name="x")
        net = gn.compile(gn.Model(row, gn.layers.Dense(whole(2))(row)), "mse", "sgd", seed=whole(3),
                         blas_threads=whole(1), memory_limit=whole(10**8))
        path = tmp_path / f"{whole.__name__}.gnet"
        net.fit(x, y, batch_size=whole(3), epochs=whole(2), checkpoint=gn.Checkpoint(path, whole(2)))
        assert net.predict(x, whole(5)).shape == (8, 2)
        net.evaluate(x, y, whole(5))
        net.program("predict", whole(4))
        files.append(path.with_suffix(".saved"))
        net.save(files[-1])
    assert files[0].read_bytes() == files[1].read_bytes() == files[2].read_bytes()
    assert gn.load(files[0], memory_limit=np.array(10**8), work_limit=np.int64(10**12)).predict(x).shape == (8, 2)


def test_the_table_knows_no_class_that_is_gone() -> None:
    names = {param.values[1].__name__ for param in public_classes()} | {"schedules.Constant", "ModelCheckpoint"}
    assert NEEDED.keys() <= names


@pytest.mark.parametrize("make", [gn.optimizers.Adam, gn.optimizers.Adagrad, gn.optimizers.RMSProp, gn.optimizers.NAdam,
                                  gn.optimizers.AMSGrad, gn.optimizers.Adadelta, gn.layers.BatchNorm,
                                  gn.layers.LayerNorm])
def test_an_epsilon_that_float32_takes_for_0_is_refused(make: Any) -> None:
    with pytest.raises(gn.ArgumentError, match=r"epsilon is 1e-46, but it must be a finite number ≥ 1\.17549e-38"):
        make(epsilon=1e-46)
    assert make(epsilon=1e-37).epsilon == 1e-37


@pytest.mark.parametrize("make", [gn.optimizers.Adam, gn.optimizers.RMSProp, gn.optimizers.Adagrad, gn.optimizers.NAdam,
                                  gn.optimizers.AMSGrad, gn.optimizers.Adadelta])
def test_the_smallest_epsilon_keeps_steps_finite(make: Any) -> None:
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse", optimizer=make(epsilon=2.0**-126))
    for _ in range(3):
        net.train_on_batch(np.zeros((4, 3)), np.zeros((4, 2)))  # all gradients are 0
    assert all(np.isfinite(w).all() for w in net.weights.values())


@pytest.mark.parametrize(("options", "text"), [
    ({"dtype": np.dtype("float64")}, "dtype is dtype('float64'), but it must be one of 'float32', 'float64'"),
    ({"dtype": np.array([1, 2])}, "dtype is array([1, 2]), but it must be one of 'float32', 'float64'"),
    ({"backend": "cuda"}, "backend is 'cuda', but it must be one of 'auto', 'native', 'native-direct', 'numpy'; "
                          '"cuda" of PyTorch is'),
    ({"backend": ""}, "backend is '', but it must be one of 'auto', 'native', 'native-direct', 'numpy'"),
    ({"threads": 0}, "threads is 0, but it must be a whole number ≥ 1 and ≤ 1024"),
    ({"threads": "all"}, "threads is 'all', but it must be a whole number ≥ 1 and ≤ 1024"),
    ({"seed": -1}, "seed is -1, but it must be a whole number ≥ 0 and ≤ 18446744073709551615"),
    ({"seed": 2**64}, "seed is 18446744073709551616, but it must be a whole number ≥ 0 and ≤ 18446744073709551615"),
    ({"loss": "mse", "loss_weights": [1, 2]}, "loss_weights is [1, 2], but it must be a dict by output name, or a list "
                                              "with one for each output, in the order 'y'"),
    ({"loss": "mse", "loss_weights": 2}, "loss_weights is 2, but it must be a dict by output name, or a list with one"),
    ({"loss": ["mse", "mae"]}, "loss is ['mse', 'mae'], but it must be a dict by output name, or a list with one for"),
    ({"loss": "mse", "loss_weights": {"y": -1}}, "loss_weights['y'] is -1, but it must be a finite number ≥ 0"),
    ({"loss": "nope"}, "loss is 'nope', but it must be a Loss such as MeanSquaredError() or one of 'bce', "),
    ({"optimizer": 3}, "optimizer is 3, but it must be an Optimizer or one of 'adadelta'"),
    ({"loss": "mse", "metrics": "acuracy"}, "metrics is 'acuracy', but it must be a Metric or one of 'acc', "),
    ({"loss": "mse", "metrics": [["mae"], "mse"]}, "metrics is [['mae'], 'mse'], but it must be a dict by output name"),
    ({"regularizer": "l3"}, "regularizer is 'l3', but it must be a Regularizer such as L2(1e-4) or one of 'l1'"),
    ({"memory_limit": 0}, "memory_limit is 0, but it must be a whole number ≥ 1"),
    ({"optimize": 1}, "optimize is 1, but it must be True or False"),
])
def test_what_compile_refuses(options: dict[str, Any], text: str) -> None:
    x = gn.Input((3,), name="x")
    with pytest.raises(gn.ArgumentError) as caught:
        gn.compile(gn.Model(x, {"y": gn.layers.Dense(3)(x)}), **options)
    assert text in str(caught.value)


def test_the_largest_seed_goes_through_a_file(tmp_path: Any) -> None:
    x = gn.Input((3,), name="x")
    gn.compile(gn.Model(x, gn.layers.Dense(3)(x)), seed=2**64 - 1).save(tmp_path / "net.gnet")
    assert gn.load(tmp_path / "net.gnet").seed == 2**64 - 1
