"""The code keeps to the design: imports go down only, heavy ones are lazy, nothing is left out of the package."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from import_graph import Edge, circles, folder_of, import_edges, parse, walk

ROOT = Path(__file__).parents[1]
FLOORS = {"compiler": 1, "runtime": 2, "graphnet": 3, "models": 4}
PACKAGES = {"compiler": "graphnet.compiler", "runtime": "graphnet.runtime", "models": "graphnet.models"}
HEAVY = ("matplotlib", "networkx", "tqdm", "torch", "PIL")
SOURCES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]


def floor_of(module: str) -> str:
    """The folder that a module of the project lies in."""
    return next((folder for folder, package in PACKAGES.items() if f"{module}.".startswith(f"{package}.")), "graphnet")


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every import statement with the full names that it imports."""
    for node in walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written with full names"
            yield node, node.module or ""
            if node.module == "graphnet":
                yield from ((node, f"graphnet.{alias.name}") for alias in node.names)


def eager(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported: not those in functions or under TYPE_CHECKING."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
                isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            continue
        waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def test_there_is_something_to_check():
    assert len(SOURCES) > 50
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(FLOORS)


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_imports_only_go_down(path):
    own = path.relative_to(ROOT).parts[0]
    for node, module in imports(parse(path)):
        if module.split(".")[0] != "graphnet":
            continue
        if own in ("compiler", "runtime") and module == "graphnet":
            continue  # the names imported from it are looked at one by one
        assert FLOORS[floor_of(module)] <= FLOORS[own], f"line {node.lineno}: {own} imports {module}"


@cache
def all_imports() -> list[Edge]:
    return import_edges(ROOT, PACKAGES | {"graphnet": "graphnet"})


def test_no_files_import_one_another_in_a_circle():
    found = circles(all_imports())
    assert not found, "\n".join(found)


def test_no_folders_import_one_another_in_a_circle():
    """Each file in the root of graphnet/ counts as a folder: what users import by name is a room of its own."""
    found = circles(all_imports(), lambda path: folder_of(path, ("graphnet",)))
    assert not found, "\n".join(found)


def test_circles_are_looked_for_among_imports_of_every_kind():
    edges = {(edge.importer, edge.imported) for edge in all_imports()}
    assert ("runtime/session.py", "runtime/kernels/registry.py") in edges, "through a face that names it"
    assert ("graphnet/engine/assembly.py", "graphnet/losses/base.py") in edges, "through a face of stars"
    assert {edge.kind for edge in all_imports()} == {"top-level", "lazy", "type-only"}


MOST_IN_A_FOLDER, MOST_IN_GRAPHNET, MOST_LINES = 18, 9, 350
FAMILIES = ("compiler/ops", "runtime/kernels", "graphnet/layers")
"""Folders with a file for each family of ops, kernels or layers: as many as there are."""


def count_lines(name: str) -> int:
    """The lines of a file, as `wc -l` counts them."""
    return (ROOT / name).read_bytes().count(b"\n")


def test_no_room_is_crowded():
    counts = Counter(name.rpartition("/")[0] for name in NAMES)
    crowded = {folder: count for folder, count in counts.items()
               if count > (MOST_IN_GRAPHNET if folder == "graphnet" else MOST_IN_A_FOLDER) and folder not in FAMILIES}
    assert crowded == {}


def test_no_file_is_long():
    assert {name: count_lines(name) for name in NAMES if count_lines(name) > MOST_LINES} == {}


BUDGETS = tomllib.loads((ROOT / "tests" / "budgets.toml").read_text("utf-8"))


def core() -> list[str]:
    """The files of the core, in reading order; a file that is named by itself does not come again with its folder."""
    paths = [path for pattern in BUDGETS["core"]["files"] for path in sorted(ROOT.glob(pattern)) or [ROOT / pattern]]
    return list(dict.fromkeys(str(path.relative_to(ROOT)) for path in paths))


def test_the_core_can_be_read_in_an_evening():
    lines = {name: count_lines(name) for name in core()}
    largest = sorted(lines.items(), key=lambda item: -item[1])
    over = sum(lines.values()) - BUDGETS["core"]["budget"]
    assert over <= 0, f"the core is {over:,} lines over its budget; its largest files: {largest[:8]}"


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_stays_below_its_ceiling(floor):
    lines = sum(count_lines(name) for name in NAMES if name.startswith(f"{floor}/"))
    ceiling = BUDGETS["floors"][floor]
    assert lines <= ceiling, f"{floor}/ has {lines:,} lines, {lines - ceiling:,} over its ceiling of {ceiling:,}"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_heavy_modules_are_imported_where_they_are_used(path):
    for node in eager(parse(path)):
        for _, module in imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
            assert module.split(".")[0] not in HEAVY, f"line {node.lineno} imports {module} when the module is imported"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_shipped_code_raises_instead_of_asserting(path):
    lines = [node.lineno for node in walk(parse(path)) if isinstance(node, ast.Assert)]
    assert lines == []


ROLE_AT = {"hold_states": 1, "state": 2, "read_state": 3}
"""Functions that take a role of states, and where."""


def bare_roles(tree: ast.AST) -> Iterator[str]:
    """The roles of states that are compared, or given to a function, as bare strings."""
    from graphnet.compiler.ir import LAYER_ROLES, OPTIMIZER

    for node in walk(tree):
        places: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            places = [node.left, *node.comparators]
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            places = node.args[ROLE_AT[name]:][:1] if name in ROLE_AT else []
            places += [keyword.value for keyword in node.keywords if keyword.arg in ("role", "roles")]
        for place in places:
            parts = place.elts if isinstance(place, ast.Tuple | ast.List | ast.Set) else [place]
            yield from (f"line {part.lineno}: {part.value!r}" for part in parts
                        if isinstance(part, ast.Constant) and part.value in (*LAYER_ROLES, OPTIMIZER))


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_roles_of_states_have_names(path):
    assert list(bare_roles(parse(path))) == []


@pytest.mark.parametrize(("code", "count"), [
    ('state.role == "buffer"', 1), ('role in ("counter", RECURRENT, "recurrent")', 2), ("role == BUFFER", 0),
    ('b.state("counter", t, "counter")', 1), ('b.read_state(self, "counter", t, COUNTER)', 0),
    ('hold_states(graph, ("buffer",))', 1), ('State(0, "s", role="optimizer")', 1), ('plain["optimizer"] is None', 0)])
def test_bare_roles_are_found(code, count):
    assert len(list(bare_roles(ast.parse(code)))) == count


def test_an_array_of_any_kind_has_one_name():
    assert [name for name in NAMES if "NDArray[Any]" in (ROOT / name).read_text("utf-8")] == ["compiler/types.py"]


HANDS_ON = ("runtime/gnet/wire/parallel.py",)
"""Modules that carry any error from another thread to the caller's."""


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_broad_excepts_only_clean_up(path):
    if str(path).endswith(HANDS_ON):
        return
    for node in walk(parse(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            raises = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            assert caught not in ("", "Exception", "BaseException") or raises, f"line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_every_module_says_what_it_is_for(path):
    tree = parse(path)
    assert not tree.body or ast.get_docstring(tree)


def test_every_package_is_in_the_wheel():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = set()
    for path in SOURCES:
        folder, *rest = path.relative_to(ROOT).parent.parts
        found.add(".".join([PACKAGES.get(folder, "graphnet"), *rest]))
    assert found == listed


@pytest.mark.parametrize("path", sorted((ROOT / "compiler" / "ops").glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_op_is_exported(path):
    import graphnet.compiler.ops as ops

    module = importlib.import_module(f"graphnet.compiler.ops.{path.stem}")
    for node in parse(path).body:
        named = isinstance(node, ast.ClassDef) and any(
            isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "name" for item in node.body)
        if named:
            assert node.name in module.__all__, f"{node.name} is missing from __all__ of {path.name}"
            assert getattr(ops, node.name, None) is getattr(module, node.name), (
                f"compiler/ops/__init__.py has no line for {path.name}")


def loaded_by(modules: str, directory: Path) -> list[str]:
    """What importing modules loads; started where no folder is named like the package."""
    return subprocess.run([sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"], cwd=directory,
                          capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("package", ["compiler/ops", "runtime/kernels"])
def test_every_module_that_registers_something_is_imported(package, tmp_path):
    name = f"graphnet.{package.replace('/', '.')}"
    loaded = loaded_by(name, tmp_path)
    for path in (ROOT / package).glob("[!_]*.py"):
        assert f"{name}.{path.stem}" in loaded, f"{path.name} is never imported"


def test_importing_the_package_brings_no_heavy_module(tmp_path):
    loaded = loaded_by("graphnet, graphnet.models.lenet", tmp_path)
    assert not {module.split(".")[0] for module in loaded} & set(HEAVY)


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:work|tmp|root|home/\w+|Users/\w+)/[\w.-]+")


def test_no_tracked_file_names_a_place_on_somebody_s_machine():
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in MACHINE_PATHS.finditer(text)]
    assert found == []


def test_the_pattern_finds_such_places():
    assert MACHINE_PATHS.search("open('" + "/" + "tmp/data.txt')")
    assert MACHINE_PATHS.search("cd " + "/" + "work/main")
    assert not MACHINE_PATHS.search("https://example.org" + "/" + "work/main")
