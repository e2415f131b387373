"""The closed set of ops, one file a family. Importing this package registers them all."""

from graphnet.compiler.ops.activations import Relu, ReluGrad, Sigmoid, SigmoidGrad, Tanh, TanhGrad
from graphnet.compiler.ops.arithmetic import Add, Advance, Copy, Full, Multiply, Scale, Subtract
from graphnet.compiler.ops.batch_norm import BatchNorm, BatchNormGrad
from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.linear import BiasAdd, MatMul, MatMulGradWeight
from graphnet.compiler.ops.losses import SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad
from graphnet.compiler.ops.metrics import CountCorrect
from graphnet.compiler.ops.noise import ApplyMask, GaussianNoise, RandomMask
from graphnet.compiler.ops.normalization import Normalize, NormalizeGrad
from graphnet.compiler.ops.pooling import MaxPool2d, MaxPool2dGrad
from graphnet.compiler.ops.reduction import Expand, ReduceMean, ReduceSum
from graphnet.compiler.ops.scaling import DotAxis, InverseRoot, InverseRootGrad, ScaleAxis
from graphnet.compiler.ops.shaping import Concat, Pad, Reshape, Slice
from graphnet.compiler.ops.softmax import Softmax, SoftmaxGrad
from graphnet.compiler.ops.updates import AdamUpdate, MomentumUpdate, SgdUpdate, Update

__all__ = [
    "AdamUpdate", "Add", "Advance", "ApplyMask", "BatchNorm", "BatchNormGrad", "BiasAdd", "Concat",
    "Conv2d", "Conv2dGradInput", "Conv2dGradWeight", "Copy", "CountCorrect", "DotAxis", "Expand", "Full",
    "Fused", "GaussianNoise", "InverseRoot", "InverseRootGrad", "MatMul", "MatMulGradWeight", "MaxPool2d",
    "MaxPool2dGrad", "MomentumUpdate", "Multiply", "Normalize", "NormalizeGrad", "Pad", "RandomMask",
    "ReduceMean", "ReduceSum", "Relu", "ReluGrad", "Reshape", "Scale", "ScaleAxis", "SgdUpdate", "Sigmoid",
    "SigmoidGrad", "Slice", "Softmax", "SoftmaxCrossEntropy", "SoftmaxCrossEntropyGrad", "SoftmaxGrad",
    "Subtract", "Tanh", "TanhGrad", "Update",
]
