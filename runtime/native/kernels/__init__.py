"""How each op becomes machine code: a file a family of ops. Importing this package registers all of them."""

from graphnet.runtime.native.kernels import recurrent

__all__ = ["recurrent"]
