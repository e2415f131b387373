"""The layers that models are declared with."""

from graphnet.layers.activation import ReLU, Sigmoid, Softmax, Tanh
from graphnet.layers.base import Layer
from graphnet.layers.convolution import Conv2D
from graphnet.layers.dense import Dense
from graphnet.layers.merge import Add, Concatenate, Multiply, Subtract
from graphnet.layers.pooling import MaxPool2D
from graphnet.layers.shape import Flatten, Reshape

__all__ = [
    "Add", "Concatenate", "Conv2D", "Dense", "Flatten", "Layer", "MaxPool2D", "Multiply", "ReLU", "Reshape",
    "Sigmoid", "Softmax", "Subtract", "Tanh",
]
