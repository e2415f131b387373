"""Whole Programs as native functions: LLVM IR text from kernels, compiled by llvmlite, over the same memory as NumPy's."""
