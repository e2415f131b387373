"""Files are written by one function, whole or not at all: nothing else in shipped code opens a file for writing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("compiler", "runtime", "graphnet", "models")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
WRITERS = {
    "compiler/atomic.py": "the function",
    "graphnet/runs/log.py": "logs grow line by line while a run goes on",
    "graphnet/cli/common/subject.py": "pipes and devices, which are no files",
    "graphnet/cli/program.py": "the null device, when whoever reads the output has gone",
    "graphnet/common/streams.py": "the null device, where standard output or error is closed",
}
METHODS = {"write_text", "write_bytes", "touch", "rename", "renames", "savefig", "tofile", "symlink_to", "hardlink_to"}
"""Methods, of whatever object, that make or move files."""
FUNCTIONS = {"os": {"replace", "rename", "renames", "link", "symlink", "truncate", "mkfifo"},
             "shutil": {"copy", "copy2", "copyfile", "copyfileobj", "copytree", "move"},
             "np": {"save", "savez", "savez_compressed", "savetxt", "memmap"},
             "tempfile": {"NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory", "mkstemp", "mkdtemp"}}


def writing_calls(tree: ast.Module) -> Iterator[int]:
    """The lines of calls that write to a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_writing(node):
            yield node.lineno


def is_writing(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id == "open" and has_writing_mode(call, 1)
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if owner == "os" and function.attr == "open":
        return any(flag in ast.unparse(call) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"))
    if owner == "os" and function.attr == "fdopen":
        return has_writing_mode(call, 1)
    if function.attr == "open":
        return has_writing_mode(call, 1 if owner in ("io", "gzip", "bz2", "lzma", "zipfile", "Image") else 0)
    in_memory = function.attr == "savefig" and call.args and ast.unparse(call.args[0]) == "content"
    overridden = ast.unparse(function.value) == "super()"  # who calls the method that does so is looked at
    return function.attr in FUNCTIONS.get(owner, ()) or (function.attr in METHODS and not in_memory and not overridden)


def has_writing_mode(call: ast.Call, position: int) -> bool:
    """Whether a file is opened to be written; a mode that is no literal counts."""
    modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] + call.args[position:position + 1]
    literals = [mode.value if isinstance(mode, ast.Constant) else "w" for mode in modes]
    return any(isinstance(mode, str) and set(mode) <= set("rwxabt+") and set(mode) & set("wxa+") for mode in literals)


def test_only_one_module_opens_files_for_writing():
    """Another one must use `replace_file`, which leaves no half of a file; one that no longer does leaves the list."""
    found = {path.relative_to(ROOT).as_posix(): list(writing_calls(ast.parse(path.read_text()))) for path in SOURCES}
    assert {name: lines for name, lines in found.items() if lines and name not in WRITERS} == {}
    assert [name for name in WRITERS if not found[name]] == []


@pytest.mark.parametrize("code", [
    "open(path, 'w')", "open(path, mode='xb')", "open(path, mode)", "path.open('a')", "io.open(path, 'r+')",
    "path.write_text('')", "a.b.write_bytes(b'')", "os.open(path, os.O_RDWR)", "os.replace(a, b)", "np.save(path, a)",
    "os.fdopen(descriptor, 'wb')", "figure.savefig(path)", "array.tofile(path)", "gzip.open(path, 'wb')",
    "tempfile.mkstemp()"])
def test_such_calls_are_found(code):
    assert list(writing_calls(ast.parse(code))) == [1]


@pytest.mark.parametrize("code", [
    "open(path)", "open(path, 'rb')", "path.open('rb')", "path.open()", "os.open(path, os.O_RDONLY)", "replace(a, b=1)",
    "text.replace('a', 'b')", "Image.open(path, formats=FORMATS)", "figure.savefig(content, format=format)",
    "os.fdopen(os.dup(descriptor), 'rb')"])
def test_others_are_not(code):
    assert list(writing_calls(ast.parse(code))) == []
