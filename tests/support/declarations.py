"""What every public class needs to be declared, and values that an argument may take or refuse."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphnet import layers, schedules

PERHAPS = {
    "minus 1": -1, "0": 0, "1": 1, "2": 2, "2.5": 2.5, "-0.5": -0.5, "1.0": 1.0, "True": True, "False": False,
    "None": None, "text": "nonsense", "huge": 10**400, "2 ** 63": 2**63, "empty tuple": (), "tuple": (1, 2, 3),
    "array": np.array([1, 2]), "NumPy's float": np.float32(0.5), "NumPy's int": np.int64(3),
}
NEEDED: dict[str, dict[str, Any]] = {
    "Dense": {"units": 3}, "Conv1D": {"filters": 2, "kernel_size": 3}, "Conv2D": {"filters": 2, "kernel_size": 3},
    "ConvTranspose2D": {"filters": 2, "kernel_size": 3}, "DepthwiseConv2D": {"kernel_size": 3},
    "Embedding": {"input_dim": 4, "output_dim": 3}, "Dropout": {"rate": 0.5}, "SpatialDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5}, "GroupNorm": {"groups": 2}, "SimpleRNN": {"units": 3}, "LSTM": {"units": 3},
    "GRU": {"units": 3}, "Reshape": {"target_shape": (2,)}, "Permute": {"dims": (2, 1)},
    "StepDecay": {"rate": 0.1, "every": 3}, "ExponentialDecay": {"rate": 0.1, "factor": 0.5},
    "CosineDecay": {"rate": 0.1, "steps": 5}, "OneCycle": {"peak": 0.1, "steps": 10},
    "WarmUp": {"after": schedules.Constant(0.1), "steps": 3}, "schedules.Constant": {"rate": 0.1},
    "Fans": {"into": 1, "out": 1}, "Bidirectional": {"layer": layers.LSTM(3)},
    "ModelCheckpoint": {"path": "best.gnet"},
}


def needed(cls: type) -> dict[str, Any]:
    """The arguments without which a class cannot be declared."""
    home = cls.__module__.split(".")[1]
    return dict(NEEDED.get(f"{home}.{cls.__name__}", NEEDED.get(cls.__name__, {})))
