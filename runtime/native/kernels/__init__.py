"""How each op becomes machine code: a file a family of ops. Importing this package registers all of them."""

from graphnet.runtime.native.kernels import embedding as embedding
from graphnet.runtime.native.kernels import losses as losses
from graphnet.runtime.native.kernels import metrics as metrics
from graphnet.runtime.native.kernels import softmax as softmax
