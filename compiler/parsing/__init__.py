"""Reads the text of a graph back."""

from graphnet.compiler.parsing.graph import parse_graph

__all__ = ["parse_graph"]
