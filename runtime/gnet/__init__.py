"""The `.gnet` model file: safe, verifiable, mapped into memory. FORMAT.md specifies it."""

from graphnet.compiler.ir import BUFFER, OPTIMIZER
from graphnet.runtime.gnet.binding import slot_name, split_slot
from graphnet.runtime.gnet.contents import Contents, by_name
from graphnet.runtime.gnet.footprint import forward_peak
from graphnet.runtime.gnet.head import OPSET, Head
from graphnet.runtime.gnet.mapped import GnetFile, TensorReader, open_gnet
from graphnet.runtime.gnet.reader import load_gnet, load_hashed, read_info
from graphnet.runtime.gnet.rows import Row
from graphnet.runtime.gnet.tensors import CONST, PARAM, ROLES, STATE, Tensor
from graphnet.runtime.gnet.writer import dumps, save_gnet

__all__ = [
    "BUFFER", "CONST", "OPSET", "OPTIMIZER", "PARAM", "ROLES", "STATE", "Contents", "GnetFile", "Head", "Row", "Tensor",
    "TensorReader", "by_name", "dumps", "forward_peak", "load_gnet", "load_hashed", "open_gnet",
    "read_info", "save_gnet", "slot_name", "split_slot",
]
