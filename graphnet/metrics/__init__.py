"""Metrics: figures that people read. Each is exact over a whole set, not an average of batches."""

from graphnet.common import faces as _faces
from graphnet.metrics.accuracy import *
from graphnet.metrics.base import *
from graphnet.metrics.confusion import *
from graphnet.metrics.errors import *

_faces.set_all(globals())
