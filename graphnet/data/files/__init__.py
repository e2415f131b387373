"""Arrays in files: IDX, NumPy, compressed; written whole or not at all."""
