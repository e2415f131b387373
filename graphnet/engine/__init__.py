"""A network that runs: its Programs, its memory, single steps of training, evaluation and prediction."""
