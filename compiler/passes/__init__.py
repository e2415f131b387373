"""Passes: one file and one test each."""
