"""Losses: what training makes small."""

from graphnet.common import faces as _faces
from graphnet.losses.base import *
from graphnet.losses.binary import *
from graphnet.losses.classification import *
from graphnet.losses.regression import *

_faces.set_all(globals())
