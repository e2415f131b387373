"""The layers that models are declared with."""

from graphnet.declare.layer import Layer
from graphnet.layers.activation import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from graphnet.layers.batch_norm import BatchNorm
from graphnet.layers.bidirectional import Bidirectional
from graphnet.layers.convolution import Conv2D, DepthwiseConv2D
from graphnet.layers.convolution_1d import Conv1D
from graphnet.layers.convolution_transposed import ConvTranspose2D
from graphnet.layers.custom import Apply
from graphnet.layers.dense import Dense
from graphnet.layers.dot import Dot
from graphnet.layers.embedding import Embedding
from graphnet.layers.margins import Crop1D, Crop2D, ZeroPad1D, ZeroPad2D
from graphnet.layers.merge import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from graphnet.layers.noise import Dropout, GaussianNoise, SpatialDropout
from graphnet.layers.normalization import GroupNorm, LayerNorm
from graphnet.layers.pooling import AvgPool2D, MaxPool2D
from graphnet.layers.pooling_1d import AvgPool1D, MaxPool1D
from graphnet.layers.pooling_global import GlobalAveragePool, GlobalMaxPool
from graphnet.layers.prelu import PReLU
from graphnet.layers.recurrent_cells import GRU, LSTM, SimpleRNN
from graphnet.layers.resampling import UpSample1D, UpSample2D
from graphnet.layers.shape import Flatten, Permute, Reshape, Slice

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "SELU",
    "Add",
    "Apply",
    "Average",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNorm",
    "Bidirectional",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "Crop1D",
    "Crop2D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNorm",
    "HardSigmoid",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LogSoftmax",
    "MaxPool1D",
    "MaxPool2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "SimpleRNN",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpatialDropout",
    "Subtract",
    "Tanh",
    "UpSample1D",
    "UpSample2D",
    "ZeroPad1D",
    "ZeroPad2D",
]
