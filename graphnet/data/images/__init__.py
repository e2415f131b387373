"""Single images as arrays."""
