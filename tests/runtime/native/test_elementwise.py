"""Element-wise ops and chains of them with sums, for both machines, in blocks, at odd sizes and with odd numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from exact_formulas import EXACT, Exact
from harness import MACHINES, NARROW, WIDE, Array, Kernel, fill_padding, form
from op_cases import Case, all_cases
from test_exactness import ANY_LENGTH

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.op import Op, formula_of
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.types import TensorType
from graphnet.runtime.native.call import Unsupported
