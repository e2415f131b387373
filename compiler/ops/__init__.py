"""The closed set of ops, one file a family. Importing this package registers them all.

A new file of ops needs a line here for `ops.Name`, and only for that: the loop below finds every module.
"""
# ruff: noqa: F403, F405 - each module says in __all__ which ops it gives

from importlib import import_module as _import_module
from pkgutil import iter_modules as _iter_modules

from graphnet.compiler.ops.activations import *
from graphnet.compiler.ops.activations_rectified import *
from graphnet.compiler.ops.activations_smooth import *
from graphnet.compiler.ops.arithmetic import *
from graphnet.compiler.ops.batch_matmul import *
from graphnet.compiler.ops.batch_norm import *
from graphnet.compiler.ops.binary_cross_entropy import *
from graphnet.compiler.ops.clipping import *
from graphnet.compiler.ops.constraints import *
from graphnet.compiler.ops.convolution import *
from graphnet.compiler.ops.cosine_distance import *
from graphnet.compiler.ops.cross_entropy import *
from graphnet.compiler.ops.element_losses import *
from graphnet.compiler.ops.embedding import *
from graphnet.compiler.ops.extrema import *
from graphnet.compiler.ops.fused import *
from graphnet.compiler.ops.label_rows import *
from graphnet.compiler.ops.linear import *
from graphnet.compiler.ops.log_softmax import *
from graphnet.compiler.ops.losses import *
from graphnet.compiler.ops.metrics import *
from graphnet.compiler.ops.noise import *
from graphnet.compiler.ops.normalization import *
from graphnet.compiler.ops.penalties import *
from graphnet.compiler.ops.pooling import *
from graphnet.compiler.ops.pooling_average import *
from graphnet.compiler.ops.prelu import *
from graphnet.compiler.ops.recurrent_gru import *
from graphnet.compiler.ops.recurrent_lstm import *
from graphnet.compiler.ops.recurrent_simple import *
from graphnet.compiler.ops.recurrent_weights import *
from graphnet.compiler.ops.reduction import *
from graphnet.compiler.ops.reduction_max import *
from graphnet.compiler.ops.scaling import *
from graphnet.compiler.ops.shaping import *
from graphnet.compiler.ops.softmax import *
from graphnet.compiler.ops.transposing import *
from graphnet.compiler.ops.unit_length import *
from graphnet.compiler.ops.updates import *
from graphnet.compiler.ops.updates_adam import *
from graphnet.compiler.ops.updates_adaptive import *
from graphnet.compiler.ops.upsampling import *

for _found in _iter_modules(__path__):
    _import_module(f"{__name__}.{_found.name}")
