"""How the kernel of an op is written: calls, formulas, modules."""
