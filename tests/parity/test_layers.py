"""Every layer that has a twin of its own in torch: results and gradients; the files beside go further."""

import pytest
from layer_formulas import LAYER_CASES

pytestmark = pytest.mark.parity

TWINS = {name: case for name, case in LAYER_CASES.items() if callable(case.twin)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", TWINS.values(), ids=TWINS)
def test_twin(case, dtype):
    from torch_parity import check_parity

    for seed in range(3):
        check_parity(case.make(), case.twin, case.shapes, dtype, seed)
