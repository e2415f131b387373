"""Data: MNIST with its download and cache, IDX files, and single images for prediction."""

from graphnet.data.cache import cache_root
from graphnet.data.dataset import Dataset
from graphnet.data.download import DEFAULT_MIRRORS, Download, download_mnist
from graphnet.data.idx import read_idx, read_pair, write_idx
from graphnet.data.images import read_image, read_samples
from graphnet.data.mnist import load_mnist, mnist_cache
from graphnet.data.pixels import scale_pixels

__all__ = [
    "DEFAULT_MIRRORS",
    "Dataset",
    "Download",
    "cache_root",
    "download_mnist",
    "load_mnist",
    "mnist_cache",
    "read_idx",
    "read_image",
    "read_pair",
    "read_samples",
    "scale_pixels",
    "write_idx",
]
