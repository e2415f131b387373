"""The closed set of ops, one file a family. Importing this package registers them all."""

from graphnet.compiler.ops.activations import Relu, ReluGrad, Sigmoid, SigmoidGrad, Tanh, TanhGrad
from graphnet.compiler.ops.activations_rectified import (
    Elu,
    EluGrad,
    HardSigmoid,
    HardSigmoidGrad,
    LeakyRelu,
    LeakyReluGrad,
)
from graphnet.compiler.ops.activations_smooth import (
    Gelu,
    GeluGrad,
    Silu,
    SiluGrad,
    Softplus,
    SoftplusGrad,
    Softsign,
    SoftsignGrad,
)
from graphnet.compiler.ops.arithmetic import Add, Advance, Copy, Full, Multiply, Scale, Subtract
from graphnet.compiler.ops.batch_matmul import BatchMatMul
from graphnet.compiler.ops.batch_norm import BatchNorm, BatchNormGrad
from graphnet.compiler.ops.binary_cross_entropy import (
    BinaryCrossEntropy,
    BinaryCrossEntropyGrad,
    SigmoidCrossEntropy,
    SigmoidCrossEntropyGrad,
)
from graphnet.compiler.ops.clipping import ClipGradients
from graphnet.compiler.ops.constraints import Constraint, MaxNorm, NonNegative, UnitNorm
from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.compiler.ops.cosine_distance import CosineDistance, CosineDistanceGrad
from graphnet.compiler.ops.cross_entropy import CrossEntropy, CrossEntropyGrad, NegativeEntropy
from graphnet.compiler.ops.element_losses import (
    AbsoluteError,
    AbsoluteErrorGrad,
    ElementLoss,
    Hinge,
    HingeGrad,
    Huber,
    HuberGrad,
)
from graphnet.compiler.ops.embedding import Embedding, EmbeddingGrad
from graphnet.compiler.ops.extrema import Maximum, Minimum, Select
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.label_rows import LabelRows, SmoothLabels
from graphnet.compiler.ops.linear import BiasAdd, MatMul, MatMulGradWeight
from graphnet.compiler.ops.log_softmax import LogSoftmax, LogSoftmaxGrad
from graphnet.compiler.ops.losses import SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad
from graphnet.compiler.ops.metrics import AddUp, CountCorrect, CountDecisions, CountPairs
from graphnet.compiler.ops.noise import ApplyMask, GaussianNoise, RandomMask
from graphnet.compiler.ops.normalization import Normalize, NormalizeGrad
from graphnet.compiler.ops.penalties import Penalty, PenaltyGrad
from graphnet.compiler.ops.pooling import MaxPool2d, MaxPool2dGrad
from graphnet.compiler.ops.pooling_average import AvgPool2d, AvgPool2dGrad
from graphnet.compiler.ops.prelu import PRelu, PReluGrad
from graphnet.compiler.ops.recurrent_gru import Gru, GruGrad, GruGradWeights
from graphnet.compiler.ops.recurrent_lstm import Lstm, LstmGrad
from graphnet.compiler.ops.recurrent_simple import SimpleRnn, SimpleRnnGrad
from graphnet.compiler.ops.recurrent_weights import RecurrentGradInput, RecurrentGradWeights
from graphnet.compiler.ops.reduction import Expand, ReduceMean, ReduceSum
from graphnet.compiler.ops.reduction_max import ReduceMax, ReduceMaxGrad
from graphnet.compiler.ops.scaling import DotAxis, InverseRoot, InverseRootGrad, ScaleAxis
from graphnet.compiler.ops.shaping import Concat, Pad, Reshape, Slice
from graphnet.compiler.ops.softmax import Softmax, SoftmaxGrad
from graphnet.compiler.ops.transposing import Transpose
from graphnet.compiler.ops.unit_length import UnitLength, UnitLengthGrad
from graphnet.compiler.ops.updates import GradientReader, MomentumUpdate, SgdUpdate, Update
from graphnet.compiler.ops.updates_adam import AdamUpdate, NAdamUpdate
from graphnet.compiler.ops.updates_adaptive import AdadeltaUpdate, AdagradUpdate, LionUpdate, RmsPropUpdate
from graphnet.compiler.ops.upsampling import SumBlocks, Upsample

__all__ = [
    "AbsoluteError", "AbsoluteErrorGrad", "AdadeltaUpdate", "AdagradUpdate", "AdamUpdate", "Add",
    "AddUp", "Advance", "ApplyMask", "AvgPool2d", "AvgPool2dGrad", "BatchMatMul", "BatchNorm",
    "BatchNormGrad", "BiasAdd", "BinaryCrossEntropy", "BinaryCrossEntropyGrad", "ClipGradients",
    "Concat", "Constraint", "Conv2d", "Conv2dGradInput", "Conv2dGradWeight", "Copy",
    "CosineDistance", "CosineDistanceGrad", "CountCorrect", "CountDecisions", "CountPairs",
    "CrossEntropy", "CrossEntropyGrad", "DotAxis", "ElementLoss", "Elu", "EluGrad", "Embedding",
    "EmbeddingGrad", "Expand", "Full", "Fused", "GaussianNoise", "Gelu", "GeluGrad",
    "GradientReader", "Gru", "GruGrad", "GruGradWeights", "HardSigmoid", "HardSigmoidGrad", "Hinge",
    "HingeGrad", "Huber", "HuberGrad", "InverseRoot", "InverseRootGrad", "LabelRows", "LeakyRelu",
    "LeakyReluGrad", "LionUpdate", "LogSoftmax", "LogSoftmaxGrad", "Lstm", "LstmGrad", "MatMul",
    "MatMulGradWeight", "MaxNorm", "MaxPool2d", "MaxPool2dGrad", "Maximum", "Minimum",
    "MomentumUpdate", "Multiply", "NAdamUpdate", "NegativeEntropy", "NonNegative", "Normalize",
    "NormalizeGrad", "PRelu", "PReluGrad", "Pad", "Penalty", "PenaltyGrad", "RandomMask",
    "RecurrentGradInput", "RecurrentGradWeights", "ReduceMax", "ReduceMaxGrad", "ReduceMean",
    "ReduceSum", "Relu", "ReluGrad", "Reshape", "RmsPropUpdate", "Scale", "ScaleAxis", "Select",
    "SgdUpdate", "Sigmoid", "SigmoidCrossEntropy", "SigmoidCrossEntropyGrad", "SigmoidGrad", "Silu",
    "SiluGrad", "SimpleRnn", "SimpleRnnGrad", "Slice", "SmoothLabels", "Softmax",
    "SoftmaxCrossEntropy", "SoftmaxCrossEntropyGrad", "SoftmaxGrad", "Softplus", "SoftplusGrad",
    "Softsign", "SoftsignGrad", "Subtract", "SumBlocks", "Tanh", "TanhGrad", "Transpose",
    "UnitLength", "UnitLengthGrad", "UnitNorm", "Update", "Upsample",
]
