"""Arguments as they are given elsewhere are taken, or refused with what is to be written here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError
from graphnet.layers import Dense, GroupNorm, LayerNorm, Permute, PReLU

REFUSED = {
    "Linear(in, out)": (
        lambda: Dense(784, 128), ArgumentError,
        "Dense: activation is 128, but it must be an activation; how many features come in is known from the input and "
        "is not said"),
    "an activation with a weight": (
        lambda: Dense(8, PReLU(name="p")), ArgumentError,
        "name='p'), but it must be an activation without weights; place any other layer behind this one"),
    "GroupNorm(groups, channels)": (
        lambda: GroupNorm(8, 64), ArgumentError,
        "GroupNorm: epsilon is 64, but it must be a fraction such as 1e-5; how many channels there are is known from "
        "the input and is not said"),
    "LayerNorm(features)": (
        lambda: LayerNorm(64)(gn.Input((64,))), ShapeError,
        "why: LayerNorm has axis 64, but its input has 2 dims (axes 1 … 1)\n"
        "  fix: name axes, not their sizes: axis=-1 is the last one, (-2, -1) are the last two"),
    "LayerNorm(shape)": (
        lambda: LayerNorm((5, 6))(gn.Input((5, 6))), ShapeError,
        "why: LayerNorm has axis (5, 6), but its input has 3 dims (axes 1 … 2)\n  fix: name axes, not their sizes"),
    "permute with the batch": (
        lambda: Permute((0, 2, 1)), ArgumentError,
        "Permute: dims is (0, 2, 1), but it must have each of the axes 1, 2, … of a sample once; the "
        "batch stays where it is and is not named"),
}


@pytest.mark.parametrize("habit", REFUSED)
def test_it_is_refused_with_what_to_write(habit: str) -> None:
    declare: Callable[[], object]
    declare, error, text = REFUSED[habit]
    with pytest.raises(error, match=re.escape(text)):
        declare()


def test_an_epsilon_may_be_any_fraction() -> None:
    assert GroupNorm(8, 64.0).epsilon == 64


@pytest.mark.parametrize("layer", [
    gn.layers.MaxPool2D, partial(gn.layers.Conv2D, 3, 3), partial(gn.layers.Conv1D, 3, 3),
    partial(gn.layers.DepthwiseConv2D, 3), partial(gn.layers.ConvTranspose2D, 3, 3)])
def test_padding_by_name(layer: Any) -> None:
    assert layer(padding="SAME").padding == "same"
    assert layer(padding="Valid").padding == "valid"
    with pytest.raises(gn.ArgumentError, match=r"did you mean 'same'\?"):
        layer(padding="smae")
    with pytest.raises(gn.ArgumentError, match=r'"valid", "same", .*a number ≥ 0'):
        layer(padding="full")
