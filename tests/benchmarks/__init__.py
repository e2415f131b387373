"""Benchmarks: scripts that print tables, never tests. Ratios are only taken within one run."""
