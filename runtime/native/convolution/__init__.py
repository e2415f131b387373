"""Convolutions by direct sums and by Winograd's products."""
