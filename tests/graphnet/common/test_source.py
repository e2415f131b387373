import sys
import types

import pytest

from graphnet.common.source import user_source


def call_from(module: str, function: str = "call") -> str:
    """The source that a call sees whose caller lives in `module`; line 3 of `script.py`."""
    code = compile(f"\n\nhere = {function}()", "/some/dir/script.py", "exec")
    scope = {"__name__": module, "call": user_source, "Input": None}
    exec(code, scope)
    return str(scope["here"])


def test_names_the_file_and_line_of_the_caller(here) -> None:
    assert (user_source(), here())[0] == here()


def test_gives_the_base_name_only() -> None:
    assert call_from("train") == "script.py:3"


def test_skips_the_frames_of_the_library(here) -> None:
    library = types.FunctionType(compile("def f():\n    return call()\n", "inner.py", "exec").co_consts[0],
                                 {"__name__": "graphnet.layers.deep", "call": user_source})
    assert library() == here()


def test_models_count_as_user_code() -> None:
    assert call_from("graphnet.models.lenet") == "script.py:3"


def test_a_module_whose_name_only_begins_alike_is_the_users() -> None:
    assert call_from("graphnet_extras") == "script.py:3"


def test_what_called_the_command_line_does_not_count() -> None:
    assert call_from("graphnet.cli") == ""


def test_a_cell_of_a_notebook_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is called by a number that nobody has seen."""
    names = {"/some/dir/script.py": ("Cell", "In[3]")}
    shell = types.SimpleNamespace(compile=types.SimpleNamespace(format_code_name=names.get))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert call_from("__main__") == "In[3]:3"
    names.clear()
    assert call_from("__main__") == "script.py:3"
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert call_from("__main__") == "script.py:3"
