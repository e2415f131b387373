"""setuptools, but a wheel holds no files that an earlier build left behind, and a source archive holds this folder.

A module that was moved would be installed at both places, and packages that import all that they hold import it twice.
"""

from __future__ import annotations

import shutil
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  # every other hook
from setuptools.command.egg_info import manifest_maker

manifest_maker.template = ".build/MANIFEST.in"


def build_wheel(wheel_directory: str, config_settings: dict[str, Any] | None = None,
                metadata_directory: str | None = None) -> str:
    """Builds a wheel from what there is now; returns its name."""
    shutil.rmtree("build/lib", ignore_errors=True)
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
