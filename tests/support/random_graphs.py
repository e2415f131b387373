"""Random models, from a seed: chains, branches and shared layers of every kind in LAYERS.

A model is kept as a Recipe, plain data, so that it can be built with graphnet and, by other means, with something else.
To put a new kind of layer into the mix, add it to LAYERS and to the choices of `_Maker.image_step` or `row_step`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graphnet as gn
from graphnet.compiler.types import Array

LAYERS: dict[str, type[gn.layers.Layer]] = {
    "conv": gn.layers.Conv2D, "max_pool": gn.layers.MaxPool2D, "dense": gn.layers.Dense, "flatten": gn.layers.Flatten,
    "reshape": gn.layers.Reshape, "relu": gn.layers.ReLU, "sigmoid": gn.layers.Sigmoid, "tanh": gn.layers.Tanh,
    "softmax": gn.layers.Softmax, "add": gn.layers.Add, "subtract": gn.layers.Subtract,
    "multiply": gn.layers.Multiply, "concatenate": gn.layers.Concatenate,
}
ACTIVATIONS = ("relu", "sigmoid", "tanh")
CROSS_ENTROPY, SQUARES = "softmax_cross_entropy", "mse"


@dataclass(frozen=True)
class Step:
    """One call of a layer. `shared` names the step whose layer is called again; by default the step has its own."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    args: dict[str, Any]
    shared: str = ""

    @property
    def owner(self) -> str:
        """The step whose layer, and weights, this one uses."""
        return self.shared or self.name


@dataclass(frozen=True)
class Recipe:
    """A model as plain data: inputs by name with their shapes a sample, steps, and the loss of each output."""

    seed: int
    inputs: dict[str, tuple[int, ...]]
    steps: tuple[Step, ...]
    losses: dict[str, str]
    batch: int

    def model(self) -> gn.Model:
        """The model in graphnet; its outputs are named after their steps."""
        tensors = {name: gn.Input(shape, name=name) for name, shape in self.inputs.items()}
        layers: dict[str, gn.layers.Layer] = {}
        for step in self.steps:
            layer = layers.setdefault(step.owner, LAYERS[step.kind](**step.args, name=step.owner))
            tensors[step.name] = layer(*(tensors[name] for name in step.inputs))
        return gn.Model({name: tensors[name] for name in self.inputs},
                        {name: tensors[name] for name in self.losses}, name=f"random_{self.seed}")

    def network(self, **options: Any) -> gn.Network:
        """The model compiled, with random weights of a size that keeps values near 1."""
        net = gn.compile(self.model(), loss=dict(self.losses), seed=0, **options)
        rng = np.random.default_rng([self.seed, 1])
        net.set_weights({name: rng.standard_normal(w.shape) / max(w[0].size, 1) ** 0.5 if w.ndim == 4
                         else rng.standard_normal(w.shape) / w.shape[0] ** 0.5 for name, w in net.weights.items()})
        return net

    def samples(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """A batch of inputs and labels, in float64 and int64."""
        rng = np.random.default_rng([self.seed, 2])
        x = {name: rng.standard_normal((self.batch, *shape)) for name, shape in self.inputs.items()}
        graph = self.model().graph
        shapes = {o.name: (self.batch, *graph.types[o.value].shape[1:]) for o in graph.outputs}
        y = {name: rng.integers(0, shapes[name][-1], shapes[name][:-1]) if loss == CROSS_ENTROPY
             else rng.standard_normal(shapes[name]) for name, loss in self.losses.items()}
        return x, y


def random_recipe(seed: int) -> Recipe:
    """The recipe of a seed."""
    return _Maker(seed).recipe()


@dataclass
class _Maker:
    """Adds one random step after another; the tensors it builds on the way tell it the shapes."""

    seed: int
    steps: list[Step] = field(default_factory=list)
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    tensors: dict[str, gn.SymbolicTensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, 0])

    def recipe(self) -> Recipe:
        losses: dict[str, str] = {}
        if self.chance(0.85):
            x = self.images()
            for _ in range(self.between(1, 5)):
                x = self.image_step(x)
                if self.chance(0.1):
                    losses[self.add("tanh", x)] = SQUARES
            x = self.rows_from(x) if self.chance(0.8) else x
        else:
            x = self.new_input((self.between(1, 9),))
        if len(self.shape(x)) == 1:
            for _ in range(self.between(0, 3)):
                x = self.row_step(x)
            x = self.add("dense", x, units=self.between(2, 6), use_bias=self.chance(0.8))
            losses[x] = CROSS_ENTROPY if self.chance(0.7) else SQUARES
        else:
            losses[self.add("tanh", x)] = SQUARES
        return Recipe(self.seed, self.inputs, tuple(self.steps), losses, self.between(1, 5))

    # Draws ---------------------------------------------------------------------------------------------------------

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one_of(self, *choices: Any) -> Any:
        return choices[self.between(0, len(choices) - 1)]

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return self.between(low, high), self.between(low, high)

    # Tensors -------------------------------------------------------------------------------------------------------

    def shape(self, name: str) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(int(dim) for dim in self.tensors[name].shape[1:])

    def new_input(self, shape: tuple[int, ...]) -> str:
        name = f"input_{len(self.inputs)}"
        self.inputs[name] = shape
        self.tensors[name] = gn.Input(shape, name=name)
        return name

    def add(self, kind: str, *inputs: str, **args: Any) -> str:
        name = f"{kind}_{len(self.steps)}"
        self.steps.append(Step(name, kind, inputs, args))
        self.tensors[name] = LAYERS[kind](**args, name=name)(*(self.tensors[i] for i in inputs))
        return name

    def again(self, step: str, x: str) -> str:
        """Calls the layer of a step on another tensor of the same shape."""
        first = next(s for s in self.steps if s.name == step)
        name = f"again_{len(self.steps)}"
        self.steps.append(Step(name, first.kind, (x,), first.args, first.owner))
        self.tensors[name] = LAYERS[first.kind](**first.args, name=name)(self.tensors[x])
        return name

    # Steps on images -----------------------------------------------------------------------------------------------

    def images(self) -> str:
        height, width = self.pair(4, 11)
        x = self.new_input((self.between(1, 4), height, width))
        if not self.chance(0.15):
            return x
        return self.add("concatenate", x, self.new_input((self.between(1, 3), height, width)), axis=1)

    def image_step(self, x: str) -> str:
        step = self.one_of(self.conv, self.conv, self.pool, self.pool, self.activate, self.residual, self.branches,
                           self.gate)
        return step(x)

    def conv(self, x: str) -> str:
        channels, *image = self.shape(x)
        groups = self.one_of(1, 1, channels)
        kernel, strides, dilation = self.pair(1, 4), self.pair(1, 3), self.one_of((1, 1), (1, 1), self.pair(1, 2))
        padding = self.padding((2, 2))
        if padding != "same":
            room = [side + sum(pad) for side, pad in zip(image, _explicit(padding), strict=True)]
            kernel = tuple(min(k, (r - 1) // d + 1) for k, r, d in zip(kernel, room, dilation, strict=True))
        return self.add("conv", x, filters=groups * self.between(1, 4 if groups == 1 else 2), kernel_size=kernel,
                        strides=strides, padding=padding, dilation=dilation, groups=groups,
                        use_bias=self.chance(0.8), activation=self.one_of(None, *ACTIVATIONS))

    def pool(self, x: str) -> str:
        _, *image = self.shape(x)
        size = tuple(min(self.between(1, 3), side) for side in image)
        padding = self.padding((size[0] - 1, size[1] - 1))
        return self.add("max_pool", x, pool_size=size, strides=self.one_of(None, self.pair(1, 3)), padding=padding)

    def padding(self, most: tuple[int, int]) -> Any:
        """Valid, same, or a number for each side, up to `most` for rows and columns."""
        if self.chance(0.5):
            return self.one_of("valid", "same")
        return self.pair(0, most[0]), self.pair(0, most[1])

    def activate(self, x: str) -> str:
        if self.chance(0.2):
            return self.add("softmax", x, axis=self.between(1, len(self.shape(x))))
        return self.add(self.one_of(*ACTIVATIONS), x)

    def same_shape(self, x: str) -> str:
        """Something of the shape of x, made of x."""
        if len(self.shape(x)) == 1:
            return self.add("dense", x, units=self.shape(x)[0], activation=self.one_of(None, *ACTIVATIONS))
        return self.add("conv", x, filters=self.shape(x)[0], kernel_size=self.pair(1, 4), padding="same",
                        activation=self.one_of(None, *ACTIVATIONS))

    def residual(self, x: str) -> str:
        branch = self.same_shape(x)
        if self.chance(0.3):  # the same layer on its own result
            branch = self.again(branch, branch)
        if self.chance(0.2):
            return self.add("subtract", x, branch)
        if self.chance(0.3):
            return self.add("add", x, branch, self.activate(x))
        return self.add("add", *self.one_of((x, branch), (branch, x)))

    def gate(self, x: str) -> str:
        return self.add("multiply", x, self.add("sigmoid", self.same_shape(x)))

    def branches(self, x: str) -> str:
        other = self.one_of(lambda x: x, self.activate, self.same_shape)
        return self.add("concatenate", self.same_shape(x), other(x), axis=self.between(1, len(self.shape(x))))

    # Steps on rows -------------------------------------------------------------------------------------------------

    def rows_from(self, x: str) -> str:
        if self.chance(0.8):
            rows = self.add("flatten", x)
        else:
            channels, height, _ = self.shape(x)
            rows = self.add("flatten", self.add("reshape", x, target_shape=(-1, height, channels)))
        return self.add("concatenate", rows, self.new_input((3,)), axis=1) if self.chance(0.15) else rows

    def row_step(self, x: str) -> str:
        if self.shape(x)[0] > 12 or self.chance(0.5):
            return self.add("dense", x, units=self.between(1, 12), use_bias=self.chance(0.8),
                            activation=self.one_of(None, *ACTIVATIONS, "softmax"))
        return self.one_of(self.activate, self.residual, self.branches, self.gate)(x)


def _explicit(padding: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    return ((0, 0), (0, 0)) if padding == "valid" else padding
