"""Whole Programs as native functions: LLVM IR text from kernels, compiled by llvmlite, over NumPy's memory."""
