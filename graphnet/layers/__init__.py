"""The layers that models are declared with."""

from graphnet.layers.activation import ReLU, Sigmoid, Softmax, Tanh
from graphnet.layers.base import Layer
from graphnet.layers.batch_norm import BatchNorm
from graphnet.layers.convolution import Conv2D
from graphnet.layers.dense import Dense
from graphnet.layers.merge import Add, Concatenate, Multiply, Subtract
from graphnet.layers.noise import Dropout, GaussianNoise, SpatialDropout
from graphnet.layers.normalization import GroupNorm, LayerNorm
from graphnet.layers.pooling import MaxPool2D
from graphnet.layers.shape import Flatten, Reshape

__all__ = [
    "Add", "BatchNorm", "Concatenate", "Conv2D", "Dense", "Dropout", "Flatten", "GaussianNoise",
    "GroupNorm", "Layer", "LayerNorm", "MaxPool2D", "Multiply", "ReLU", "Reshape", "Sigmoid", "Softmax",
    "SpatialDropout", "Subtract", "Tanh",
]
