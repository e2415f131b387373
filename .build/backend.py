"""setuptools, but for three things.

An editable install is a tree of links, laid out as an installed package is: type checkers and editors see through no
other. A wheel holds no files that an earlier build left behind: a module that was moved would be installed at both
places, and packages that import all that they hold import it twice. A source archive holds this folder.
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


def build_editable(wheel_directory: str, config_settings: dict[str, Any] | None = None,
                   metadata_directory: str | None = None) -> str:
    """Builds the wheel of an editable install, in the mode that is asked for, or by links; returns its name."""
    settings = dict(config_settings or {})
    if settings.keys().isdisjoint(("editable_mode", "editable-mode")):
        settings["editable_mode"] = "strict"
    return build_meta.build_editable(wheel_directory, settings, metadata_directory)
