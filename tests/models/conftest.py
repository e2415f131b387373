"""A few real digits for short trainings."""

from pathlib import Path

import pytest
from digit_files import write_digits

from graphnet.data import load_mnist


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 256 training and 64 test digits."""
    directory = tmp_path_factory.mktemp("digits")
    write_digits(directory, load_mnist(cache_dir=directory / "no-cache"), 256, 64)
    return directory
