"""The compiler: IR, ops, passes, lowering and the Program. Knows no backend and no file format."""
