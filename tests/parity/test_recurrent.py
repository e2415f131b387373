"""Recurrent layers against torch: results and gradients for inputs, initial states and all weights.

torch stores the weights transposed and has two biases; its GRU needs both for the candidate alone.
"""

from __future__ import annotations

import numpy as np
import pytest

import graphnet as gn

pytestmark = pytest.mark.parity

L = gn.layers
DTYPES = ["float32", "float64"]
UNITS, FEATURES, STEPS, BATCH = 4, 3, 7, 3
SPREAD = 0.5  # of inputs: keeps h off ±1, where the last bit of h is a thousand last bits of the slope 1 - h²
CELLS = {"rnn": L.SimpleRNN, "relu": lambda units, **o: L.SimpleRNN(units, "relu", **o), "lstm": L.LSTM, "gru": L.GRU}
STATES = {"rnn": 1, "relu": 1, "lstm": 2, "gru": 1}


def torch_cell(cell, features, **options):
    from torch import nn

    kinds = {"rnn": nn.RNN, "relu": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
    if cell == "relu":
        options["nonlinearity"] = "relu"
    return kinds[cell](features, UNITS, batch_first=True, **options)


def torch_weights(w, prefix="", suffix="_l0"):
    """Our weights by torch's names."""
    import torch

    bias = w.get(f"{prefix}recurrent_bias")
    zeros = torch.zeros_like(w[f"{prefix}bias"])
    return {f"weight_ih{suffix}": w[f"{prefix}weight"].T, f"weight_hh{suffix}": w[f"{prefix}recurrent_weight"].T,
            f"bias_ih{suffix}": w[f"{prefix}bias"],
            f"bias_hh{suffix}": zeros if bias is None else torch.cat([zeros[:2 * UNITS], bias])}


def run_torch(module, parameters, x, states=()):
    """Results and last states (N, directions · units) of a module with these parameters."""
    import torch

    start = () if not states else ((tuple(states) if len(states) > 1 else states[0]),)
    return torch.func.functional_call(module.to(parameters["bias_ih_l0"].dtype), parameters, (x, *start))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("cell", "steps"), [(cell, steps) for cell in CELLS for steps in (1, STEPS, 50)
                                             if (cell, steps) != ("relu", 50)])  # whose numbers grow without bound
@pytest.mark.parametrize("sequences", [False, True])
def test_one_direction(cell, sequences, steps, dtype):
    """50 steps too: at float64 the bound is 1e-10 there, stricter than 1e-8."""
    from torch_parity import check_parity

    def twin(x, w):
        y, _ = run_torch(torch_cell(cell, FEATURES), torch_weights(w), x)
        return y if sequences else y[:, -1]
    check_parity(CELLS[cell](UNITS, return_sequences=sequences), twin, [(steps, FEATURES)], dtype, spread=SPREAD)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
def test_initial_and_last_states(cell, dtype):
    import torch
    from torch_parity import check_parity

    count = STATES[cell]

    def declare(x, *states):
        return L.Concatenate()(list(CELLS[cell](UNITS, return_state=True)(x, initial_state=states)))

    def twin(x, *rest):
        *states, w = rest
        _, last = run_torch(torch_cell(cell, FEATURES), torch_weights(w), x, [s[None] for s in states])
        last = last if count > 1 else (last,)
        return torch.cat([last[0][0], *(s[0] for s in last)], 1)
    check_parity(declare, twin, [(STEPS, FEATURES), *[(UNITS,)] * count], dtype, spread=SPREAD)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
def test_bidirectional(cell, dtype):
    from torch_parity import check_parity

    def twin(x, w):
        parameters = torch_weights(w, "forward_") | torch_weights(w, "backward_", "_l0_reverse")
        return run_torch(torch_cell(cell, FEATURES, bidirectional=True), parameters, x)[0]
    layer = L.Bidirectional(CELLS[cell](UNITS, return_sequences=True))
    check_parity(layer, twin, [(STEPS, FEATURES)], dtype, spread=SPREAD)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
def test_last_states_of_both_directions(cell, dtype):
    import torch
    from torch_parity import check_parity

    def twin(x, w):
        parameters = torch_weights(w, "forward_") | torch_weights(w, "backward_", "_l0_reverse")
        last = run_torch(torch_cell(cell, FEATURES, bidirectional=True), parameters, x)[1]
        hidden = last[0] if cell == "lstm" else last
        return torch.cat([hidden[0], hidden[1]], 1)
    check_parity(L.Bidirectional(CELLS[cell](UNITS)), twin, [(STEPS, FEATURES)], dtype, spread=SPREAD)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
def test_stacked(cell, dtype):
    import torch

    layers = [CELLS[cell](UNITS, return_sequences=True, name=name) for name in ("a", "b", "c")]
    x = gn.Input((None, FEATURES), name="x")
    h = x
    for layer in layers:
        h = layer(h)
    net, data, target = _drawn(gn.Model(x, h), dtype, (BATCH, STEPS, FEATURES), (BATCH, STEPS, UNITS))
    leaves = {name: torch.from_numpy(np.array(a)).requires_grad_() for name, a in net.weights.items()}
    parameters = {}
    for depth, layer in enumerate(layers):
        own = {name.partition("/")[2]: leaf for name, leaf in leaves.items() if name.startswith(f"{layer.name}/")}
        parameters |= torch_weights(own, suffix=f"_l{depth}")
    given = torch.from_numpy(data).requires_grad_()
    y, _ = run_torch(torch_cell(cell, FEATURES, num_layers=3), parameters, given)
    _check(net, {"x": data}, target, y, leaves | {"x": given}, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_sequences_of_different_lengths(cell, bidirectional, dtype):
    """As torch's packed sequences: results are zero behind the end, and the last states those of the last steps."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    x, n = gn.Input((STEPS, FEATURES), name="x"), gn.Input((), name="n", dtype="int64")
    layer = CELLS[cell](UNITS, return_sequences=True, return_state=True)
    layer = L.Bidirectional(layer) if bidirectional else layer
    y, *states = layer(x, lengths=n)
    width = UNITS * (1 + bidirectional)
    last = [L.Reshape((1, width))(L.Concatenate()(states[i::STATES[cell]]) if bidirectional else states[i])
            for i in range(STATES[cell])]
    net, data, target = _drawn(gn.Model([x, n], L.Concatenate(1)([y, *last])), dtype, (4, STEPS, FEATURES),
                               (4, STEPS + len(last), width))
    lengths = np.array([2, STEPS, 1, 5])
    leaves = {name: torch.from_numpy(np.array(a)).requires_grad_() for name, a in net.weights.items()}
    own = {name.partition("/")[2]: leaf for name, leaf in leaves.items()}
    parameters = (torch_weights(own, "forward_") | torch_weights(own, "backward_", "_l0_reverse") if bidirectional
                  else torch_weights(own))
    given = torch.from_numpy(data).requires_grad_()
    packed = pack_padded_sequence(given, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False)
    made, end = run_torch(torch_cell(cell, FEATURES, bidirectional=bidirectional), parameters, packed)
    padded, _ = pad_packed_sequence(made, batch_first=True, total_length=STEPS)
    end = end if cell == "lstm" else (end,)
    expected = torch.cat([padded, *(torch.cat(list(state), 1)[:, None] for state in end)], 1)
    _check(net, {"x": data, "n": lengths}, target, expected, leaves | {"x": given}, dtype)


def _drawn(model, dtype, shape, result):
    rng = np.random.default_rng(0)
    net = gn.compile(model, loss="mse", dtype=dtype)
    net.set_weights({name: rng.uniform(-1, 1, w.shape).astype(dtype) for name, w in net.weights.items()})
    return net, rng.normal(0, SPREAD, shape).astype(dtype), rng.standard_normal(result).astype(dtype)


def _check(net, feeds, target, expected, leaves, dtype):
    import torch
    from torch_parity import TOLERANCE

    def close(what, found, wanted):
        scale = max(np.abs(wanted).max(initial=0), 1e-3)
        error = np.abs(found - wanted).max(initial=0)
        assert error <= TOLERANCE[dtype] * scale, f"{what} is off by {error:.3g}, of {scale:.3g}"

    close("the result", net.predict(feeds), expected.detach().numpy())
    torch.nn.functional.mse_loss(expected, torch.from_numpy(target)).backward()
    _, gradients = net.loss_and_gradients(feeds, target, inputs=True)
    assert gradients.keys() == leaves.keys()
    for name, leaf in leaves.items():
        close(f"the gradient of {name}", gradients[name], leaf.grad.numpy())


@pytest.mark.parametrize("dtype", DTYPES)
def test_truncated_gradients(dtype):
    """As torch with the state detached every 3 steps."""
    import torch
    from torch_parity import check_parity

    def twin(x, w):
        module, parameters, states, made = torch_cell("lstm", FEATURES), torch_weights(w), (), []
        for start in range(0, STEPS, 3):
            y, last = run_torch(module, parameters, x[:, start:start + 3], states)
            states, made = [s.detach() for s in last], [*made, y]
        return torch.cat(made, 1)
    check_parity(L.LSTM(UNITS, return_sequences=True, truncate=3), twin, [(STEPS, FEATURES)], dtype, spread=SPREAD)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
def test_bidirectional_from_initial_states(cell, dtype):
    """Ours come forward first, [h, c] of each way; torch has h of both ways, then c of both."""
    import torch
    from torch_parity import check_parity

    count = STATES[cell]

    def declare(x, *states):
        return L.Bidirectional(CELLS[cell](UNITS, return_sequences=True))(x, initial_state=states)

    def twin(x, *rest):
        *states, w = rest
        parameters = torch_weights(w, "forward_") | torch_weights(w, "backward_", "_l0_reverse")
        start = [torch.stack(states[kind::count]) for kind in range(count)]
        return run_torch(torch_cell(cell, FEATURES, bidirectional=True), parameters, x, start)[0]
    check_parity(declare, twin, [(STEPS, FEATURES), *[(UNITS,)] * 2 * count], dtype, spread=SPREAD)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
def test_backwards_is_torch_on_the_reversed_sequence(cell, dtype):
    from torch_parity import check_parity

    def twin(x, w):
        return run_torch(torch_cell(cell, FEATURES), torch_weights(w), x.flip(1))[0].flip(1)
    layer = CELLS[cell](UNITS, return_sequences=True, go_backwards=True)
    check_parity(layer, twin, [(STEPS, FEATURES)], dtype, spread=SPREAD)
