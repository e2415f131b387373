"""What every room of graphnet uses: argument checks, names, registries, the user's source lines."""
