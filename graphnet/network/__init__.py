"""The network that users hold: what `gn.compile` and `gn.load` make."""
