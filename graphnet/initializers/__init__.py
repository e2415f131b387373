"""What weights are filled with before training."""

from graphnet.common import faces as _faces
from graphnet.initializers.base import *
from graphnet.initializers.matrices import *
from graphnet.initializers.scaled import *
from graphnet.initializers.simple import *

_faces.set_all(globals())
