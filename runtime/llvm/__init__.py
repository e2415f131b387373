"""Writes LLVM IR as text, compiles it and calls it; knows no op."""
