"""How each op becomes machine code: a file a family of ops. Importing this package registers all of them."""

from graphnet.runtime.native.kernels import clipping as clipping
from graphnet.runtime.native.kernels import convolution as convolution
from graphnet.runtime.native.kernels import dense as dense
from graphnet.runtime.native.kernels import elementwise as elementwise
from graphnet.runtime.native.kernels import embedding as embedding
from graphnet.runtime.native.kernels import losses as losses
from graphnet.runtime.native.kernels import masks as masks
from graphnet.runtime.native.kernels import metrics as metrics
from graphnet.runtime.native.kernels import moving as moving
from graphnet.runtime.native.kernels import normalization as normalization
from graphnet.runtime.native.kernels import pooling as pooling
from graphnet.runtime.native.kernels import recurrent as recurrent
from graphnet.runtime.native.kernels import recurrent_weights as recurrent_weights
from graphnet.runtime.native.kernels import updates as updates
