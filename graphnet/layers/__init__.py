"""The layers that models are declared with."""

from graphnet.common import faces as _faces
from graphnet.declare.emitter import Emitter as Emitter
from graphnet.declare.layer import Layer as Layer
from graphnet.layers.activation import *
from graphnet.layers.batch_norm import *
from graphnet.layers.bidirectional import *
from graphnet.layers.convolution import *
from graphnet.layers.convolution_1d import *
from graphnet.layers.convolution_transposed import *
from graphnet.layers.custom import *
from graphnet.layers.dense import *
from graphnet.layers.dot import *
from graphnet.layers.embedding import *
from graphnet.layers.margins import *
from graphnet.layers.merge import *
from graphnet.layers.noise import *
from graphnet.layers.normalization import *
from graphnet.layers.pooling import *
from graphnet.layers.pooling_1d import *
from graphnet.layers.pooling_global import *
from graphnet.layers.prelu import *
from graphnet.layers.recurrent_cells import *
from graphnet.layers.resampling import *
from graphnet.layers.shape import *
from graphnet.layers.softmax import *

_faces.set_all(globals())
