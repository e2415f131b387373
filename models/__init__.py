"""Models in plain sight: each file declares one and can be run by itself."""
