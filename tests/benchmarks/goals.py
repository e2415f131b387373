"""What the native backend is to reach: its time as a share of a peer's, both with the same number of threads."""

from __future__ import annotations

GOALS: dict[tuple[str, str, int, str], dict[int, float]] = {
    ("train", "lenet", 64, "torch"): {1: 0.18, 2: 0.16}, ("train", "lenet", 256, "torch"): {1: 0.20, 2: 0.16},
    ("train", "mlp", 128, "torch"): {1: 0.54, 2: 0.35}, ("train", "vgg", 64, "torch"): {1: 0.36, 2: 0.34},
    ("train", "vggbn", 64, "torch"): {1: 0.34, 2: 0.30}, ("train", "rnn", 64, "torch"): {1: 0.34, 2: 0.28},
    ("train", "lstm", 64, "torch"): {1: 0.60, 2: 0.55}, ("fit", "tiny", 16, "torch"): {1: 1 / 40},
    ("fit", "tiny", 10_000, "torch"): {1: 1 / 5},
    ("program", "lenet", 1, "onnxruntime"): {1: 0.55}, ("program", "lenet", 64, "onnxruntime"): {1: 0.50, 2: 0.35},
    ("program", "lenet", 1024, "onnxruntime"): {1: 0.43, 2: 0.35}, ("program", "vgg", 1, "onnxruntime"): {1: 0.50},
    ("program", "vgg", 64, "onnxruntime"): {1: 0.43}, ("program", "mlp", 1, "onnxruntime"): {1: 0.80},
    ("program", "mlp", 128, "onnxruntime"): {1: 1.00, 2: 0.65}, ("program", "lstm", 64, "onnxruntime"): {1: 0.92}}
"""By mode, workload, batch and peer: the number of threads → the share."""
