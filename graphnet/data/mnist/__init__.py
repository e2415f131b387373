"""MNIST: its files, their download and cache, and the sample that is bundled."""
