"""Who imports whom in a source tree, and who in a circle.

Every kind of import statement counts: at the top of a file, inside a function (lazy), under TYPE_CHECKING (type-only).
A name leads to the file that defines it, through faces: `__init__` files that only list exports, which are no places of
their own. Whoever imports a face as a module imports all that it lists.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

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

    Raises:
        ValueError: one names what is not there.
    """
    tree = _Tree(root, packages)
    edges = {Edge(tree.paths[module], tree.paths[found], item.name, item.kind)
             for module in tree.paths.keys() - tree.faces for item in _imports(tree.parsed[module])
             for found in tree.homes(item.module, item.name) if found != module}
    return sorted(edges)


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"))


@cache
def walk(tree: ast.AST) -> tuple[ast.AST, ...]:
    """All nodes of a syntax tree; looked up once, as several tests walk the same trees."""
    return tuple(ast.walk(tree))


def circles(edges: Iterable[Edge], place: Callable[[str], str] = str) -> list[str]:
    """Each circle as text: the places in it, and below them every import that makes it, first the ways used least.

    Args:
        edges: of the tree.
        place: what a file counts for: itself, or its folder (see `folder_of`).
    """
    ways: dict[tuple[str, str], list[str]] = {}
    for edge in edges:
        ways.setdefault((place(edge.importer), place(edge.imported)), []).append(f"  {edge}")
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(way for way in ways if way[0] != way[1])
    found = sorted(sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1)
    return ["\n".join([f"{', '.join(part)} import one another:", *_lines(part, ways)]) for part in found]


def folder_of(path: str, open_folders: Iterable[str] = ()) -> str:
    """The folder of a file; in `open_folders`, whose files have nothing to do with each other, the file itself."""
    folder = path.rpartition("/")[0]
    return path if folder in open_folders else folder


class _Import(NamedTuple):
    """`from module import name as local`, or without a name `import module`."""

    kind: str
    module: str
    name: str
    local: str


class _Tree:
    """The files of a source tree by the full names of their modules."""

    def __init__(self, root: Path, packages: Mapping[str, str]) -> None:
        self.packages = tuple(packages.values())
        self.paths = {module: path for folder, package in packages.items()
                      for module, path in _modules(root, folder, package)}
        self.parsed = {module: parse(root / path) for module, path in self.paths.items()}
        self.faces = {module for module, tree in self.parsed.items() if _is_face(self.paths[module], tree)}
        self._exports: dict[str, dict[str, tuple[str, str]]] = {}

    def homes(self, module: str, name: str = "") -> set[str]:
        """The modules that an import leads to, none if it leads out of the tree.

        Raises:
            ValueError: there is no such module, or its face does not list the name.
        """
        inner = f"{module}.{name}" if name else module
        if inner in self.paths or (name == "*" and module in self.faces):
            whole = inner if inner in self.paths else module
            listed = self.exports(whole).values() if whole in self.faces else ()
            return {whole} - self.faces | {found for item in listed for found in self.homes(*item)}
        if module in self.faces and name in self.exports(module):
            return self.homes(*self.exports(module)[name])
        if module in self.paths and module not in self.faces:
            return {module}
        if f"{module}.".startswith(tuple(f"{package}." for package in self.packages)):
            raise ValueError(f"there is no {inner}")
        return set()

    def exports(self, module: str) -> Mapping[str, tuple[str, str]]:
        """What `from module import *` brings: for each name the module and the name that it comes from."""
        if module not in self._exports:
            self._exports[module] = dict(self._gather(module))
        return self._exports[module]

    def _gather(self, module: str) -> Iterator[tuple[str, tuple[str, str]]]:
        if module not in self.faces:
            yield from ((name, (module, name)) for name in _public(self.parsed[module]))
            return
        for item in _imports(self.parsed[module]):
            if item.name == "*" and item.module in self.paths:
                yield from self.exports(item.module).items()
            elif not item.local.startswith("_"):
                yield item.local, (item.module, item.name)


def _modules(root: Path, folder: str, package: str) -> Iterator[tuple[str, str]]:
    """The full name of each module in a folder, and its path from the root."""
    for path in sorted((root / folder).rglob("*.py")):
        names = path.relative_to(root / folder).with_suffix("").parts
        names = names[:-1] if names[-1] == "__init__" else names
        yield ".".join([package, *names]), path.relative_to(root).as_posix()


def _is_face(path: str, tree: ast.Module) -> bool:
    """Whether a file is an `__init__` that only lists what its folder exports: all that it makes itself is private."""
    return path.endswith("__init__.py") and all(name.startswith("_") for name in _made(tree))


def _made(tree: ast.Module) -> list[str]:
    """The names of what a file makes itself at its top level."""
    made = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    return made + [ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]


def _public(tree: ast.Module) -> list[str]:
    """What a file exports: the names of its `__all__`, or all that it makes and that are not private."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return [name for name in _made(tree) if not name.startswith("_")]


def _imports(block: ast.AST, kind: str = "top-level") -> Iterator[_Import]:
    """The imports in a block of statements, and in those inside them."""
    for node in (child for part in BLOCKS for child in getattr(block, part, ())):
        if isinstance(node, ast.Import):
            yield from (_Import(kind, alias.name, "", alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (_Import(kind, node.module or "", alias.name, alias.asname or alias.name)
                        for alias in node.names)
        else:
            yield from _imports(node, _kind_inside(node, kind))


def _kind_inside(node: ast.AST, kind: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return "lazy"
    return "type-only" if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) else kind


def _lines(part: Sequence[str], ways: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[str]:
    inside = [lines for (importer, imported), lines in ways.items()
              if importer in part and imported in part and importer != imported]
    for lines in sorted(inside, key=len):
        yield from lines
