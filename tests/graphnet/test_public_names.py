import subprocess
import sys

import pytest

import graphnet as gn


@pytest.mark.parametrize("name", gn.__all__)
def test_every_public_name_is_there(name):
    value = getattr(gn, name)
    assert value is getattr(gn, name)
    assert name in dir(gn)


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'graphnet' has no attribute 'Modle'"):
        gn.Modle  # noqa: B018


@pytest.mark.parametrize("code", ["import graphnet", "import graphnet as gn; gn.compile; gn.layers.Dense; gn.load"])
def test_heavy_packages_are_left_alone(code):
    script = f"{code}\nimport sys\nprint(sorted({{'matplotlib', 'networkx', 'tqdm', 'PIL'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
