"""Writes a script that calls every public name with an argument that it does not have, and asks every face for no name.

Each line is marked, as in tests/typing/user_mistakes.py: `.ci/editors` looks whether type checkers find them all.
"""

import inspect

import graphnet as gn

FACES = [name for name in gn.__all__ if inspect.ismodule(getattr(gn, name))]
ANY_DIM = {"explain", "machine_code", "memory", "plot", "program", "stages"}
"""Methods of networks that take any dim by its name."""


def calls() -> list[str]:
    """An expression for each mistake; `net` is a network."""
    found = [f"gn.{face}.no_such" for face in FACES]
    for path, module in [("gn", gn), *((f"gn.{face}", getattr(gn, face)) for face in FACES)]:
        found += [f"{path}.{name}(no_such=1)" for name in module.__all__
                  if inspect.isclass(value := getattr(module, name)) or inspect.isfunction(value)]
    return found + [f"net.{name}(no_such=1)" for name, _ in inspect.getmembers(gn.Network, inspect.isfunction)
                    if name[0] != "_" and name not in ANY_DIM]


if __name__ == "__main__":
    print("import graphnet as gn\n\n\ndef mistakes(net: gn.Network) -> None:")
    print(*(f"    {call}  # type: ignore" for call in calls()), sep="\n")
