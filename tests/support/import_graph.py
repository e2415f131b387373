"""Who imports whom in a source tree, and who in a circle.

Every kind of import statement counts: at the top of a file, inside a function (lazy), under TYPE_CHECKING (type-only).
A name leads to the file that defines it, through `__init__` files that only list exports; such files are no places of
their own. Whoever imports one of them as a module imports all that it lists.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx as nx

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Parts of a statement that hold statements, or that hold parts which do."""


@dataclass(frozen=True, order=True)
class Edge:
    """File `importer` imports `name` (or, without one, the module itself) from file `imported`."""

    importer: str
    imported: str
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.importer} → {self.imported}: {self.name or 'the module'} ({self.kind})"


def import_edges(root: Path, packages: Mapping[str, str]) -> list[Edge]:
    """All imports among the files of a tree.

    Args:
        root: the folder of the tree.
        packages: for each folder in it the name that it is imported by.
    """
    paths = {module: path for folder, package in packages.items() for module, path in _modules(root, folder, package)}
    trees = {module: parse(root / path) for module, path in paths.items()}
    faces = {module: _imported_names(tree) for module, tree in trees.items() if _is_face(paths[module], tree)}
    files = {module: path for module, path in paths.items() if module not in faces}
    edges = {Edge(files[module], files[found], name, kind) for module in files
             for kind, source, name in _statements(trees[module])
             for found in _homes(source, name, files, faces) if found != module}
    return sorted(edges)


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"))


def circles(edges: Iterable[Edge], place: Callable[[str], str] = str) -> list[str]:
    """Each circle as text: the places in it, and below them every import that makes it, first the ways used least.

    Args:
        edges: of the tree.
        place: what a file counts for: itself, or its folder (see `folder_of`).
    """
    ways: dict[tuple[str, str], list[str]] = {}
    for edge in edges:
        ways.setdefault((place(edge.importer), place(edge.imported)), []).append(f"  {edge}")
    graph = nx.DiGraph([(importer, imported) for importer, imported in ways if importer != imported])
    found = sorted(sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1)
    return ["\n".join([f"{', '.join(part)} import one another:", *_lines(part, ways)]) for part in found]


def _lines(part: Sequence[str], ways: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[str]:
    inside = [lines for (importer, imported), lines in ways.items()
              if importer in part and imported in part and importer != imported]
    for lines in sorted(inside, key=len):
        yield from lines


def folder_of(path: str, open_folders: Iterable[str] = ()) -> str:
    """The folder of a file; in `open_folders`, whose files have nothing to do with each other, the file itself."""
    folder = path.rpartition("/")[0]
    return path if folder in open_folders else folder


def _modules(root: Path, folder: str, package: str) -> Iterator[tuple[str, str]]:
    """The full name of each module in a folder, and its path from the root."""
    for path in sorted((root / folder).rglob("*.py")):
        names = path.relative_to(root / folder).with_suffix("").parts
        names = names[:-1] if names[-1] == "__init__" else names
        yield ".".join([package, *names]), path.relative_to(root).as_posix()


def _is_face(path: str, tree: ast.Module) -> bool:
    """Whether a file is an `__init__` that only lists what its folder exports: all that it makes itself is private."""
    made = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    made += [ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return path.endswith("__init__.py") and all(name.startswith("_") for name in made)


def _imported_names(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """For each name that a face exports the module and the name that it comes from."""
    return {alias.asname or alias.name: (node.module or "", alias.name)
            for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


def _statements(block: ast.AST, kind: str = "top-level") -> Iterator[tuple[str, str, str]]:
    """The kind, the module and the name of each import in a block; no name if a module is imported as a whole."""
    for node in (child for part in BLOCKS for child in getattr(block, part, ())):
        if isinstance(node, ast.Import):
            yield from ((kind, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((kind, node.module or "", alias.name) for alias in node.names)
        else:
            yield from _statements(node, _kind_inside(node, kind))


def _kind_inside(node: ast.AST, kind: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return "lazy"
    return "type-only" if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) else kind


def _homes(module: str, name: str, files: Mapping[str, str],
           faces: Mapping[str, Mapping[str, tuple[str, str]]]) -> set[str]:
    """The modules that an import statement leads to, none if it is not of this tree."""
    found: set[str] = set()
    todo, seen = [(module, name)], set[tuple[str, str]]()
    while todo:
        item = module, name = todo.pop()
        inner = f"{module}.{name}" if name else module
        if item in seen:
            continue
        seen.add(item)
        if inner in files:
            found.add(inner)
        elif inner in faces:
            todo += faces[inner].values()
        elif name == "*" and module in faces:
            todo += faces[module].values()
        elif name in faces.get(module, {}):
            todo.append(faces[module][name])
        elif module in files:
            found.add(module)
    return found
