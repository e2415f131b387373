"""Training runs as a whole: how a model is trained (recipes), and the directory that a run leaves behind."""

from graphnet.runs.catalog import describe, load_recipe, model_names
from graphnet.runs.directory import RunDirectory, new_run_path
from graphnet.runs.job import train
from graphnet.runs.options import FilePath
from graphnet.runs.recipe import SCHEDULES, Recipe, Settings
from graphnet.runs.resumption import is_finished, resume

__all__ = [
    "SCHEDULES", "FilePath", "Recipe", "RunDirectory", "Settings", "describe", "is_finished", "load_recipe",
    "model_names", "new_run_path", "resume", "train",
]
