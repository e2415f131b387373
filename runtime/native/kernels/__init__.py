"""How each op becomes machine code: a file a family of ops. Importing this package registers all of them."""
from graphnet.runtime.native.kernels import clipping as clipping
from graphnet.runtime.native.kernels import moving as moving
from graphnet.runtime.native.kernels import updates as updates
