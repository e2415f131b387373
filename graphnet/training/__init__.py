"""The training loop: its history, its callbacks, and how it goes on from where it was cut."""
