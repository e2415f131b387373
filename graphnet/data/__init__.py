"""Data: MNIST with its download and cache, IDX files, single images for prediction, and texts."""

from graphnet.common import answers as _answers
from graphnet.data.dataset import Dataset
from graphnet.data.files.idx import read_idx, read_pair, write_idx
from graphnet.data.images.pixels import scale_pixels
from graphnet.data.images.read import read_image, read_samples
from graphnet.data.mnist.cache import cache_root
from graphnet.data.mnist.download import DEFAULT_MIRRORS, Download, download_mnist
from graphnet.data.mnist.load import load_mnist, mnist_cache
from graphnet.data.text.tales import make_tales
from graphnet.data.text.texts import cut_streams, decode_text, encode_text, load_text

__all__ = [
    "DEFAULT_MIRRORS",
    "Dataset",
    "Download",
    "cache_root",
    "cut_streams",
    "decode_text",
    "download_mnist",
    "encode_text",
    "load_mnist",
    "load_text",
    "make_tales",
    "mnist_cache",
    "read_idx",
    "read_image",
    "read_pair",
    "read_samples",
    "scale_pixels",
    "write_idx",
]
_answers.answer_names(globals())
