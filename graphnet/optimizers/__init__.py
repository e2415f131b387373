"""Optimizers: how weights follow their gradients. Each names the op that does one step for all weights."""

from graphnet.common import faces as _faces
from graphnet.optimizers.adam import *
from graphnet.optimizers.adaptive import *
from graphnet.optimizers.base import *
from graphnet.optimizers.descent import *

_faces.set_all(globals())
