"""Layers that move, repeat and join elements against torch; results and gradients."""

import pytest

import graphnet as gn

pytestmark = pytest.mark.parity

L = gn.layers
DTYPES = ("float32", "float64")
SINGLE = {
    "permute": (L.Permute((3, 1, 2)), lambda x: x.permute(0, 3, 1, 2)),
    "permute sequences": (L.Permute((1, 3, 2)), lambda x: x.transpose(2, 3)),
    "slice": (L.Slice(1, -1, axis=2), lambda x: x[:, :, 1:-1]),
    "slice channels": (L.Slice(stop=2), lambda x: x[:, :2]),
    "zero pad": (L.ZeroPad2D(((1, 2), (0, 3))), lambda x: pad(x, (0, 3, 1, 2))),
    "crop": (L.Crop2D(((1, 0), (2, 1))), lambda x: pad(x, (-2, -1, -1, 0))),
    "upsample": (L.UpSample2D((2, 3)), lambda x: x.repeat_interleave(2, 2).repeat_interleave(3, 3)),
    "upsample, then max pooling": (lambda x: L.MaxPool2D(2)(L.UpSample2D(2)(x)), lambda x: x),
    "upsampled by interpolation": (L.UpSample2D(2), lambda x: interpolate(x, 2)),
}
SEQUENCES = {
    "zero pad": (L.ZeroPad1D((1, 3)), lambda x: pad(x, (1, 3))),
    "crop": (L.Crop1D((2, 1)), lambda x: pad(x, (-2, -1))),
    "upsample": (L.UpSample1D(3), lambda x: x.repeat_interleave(3, 2)),
}


def pad(x, margins):
    from torch.nn import functional as F

    return F.pad(x, margins)


def interpolate(x, factor):
    from torch.nn import functional as F

    return F.interpolate(x, scale_factor=factor, mode="nearest")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("layer", "twin"), SINGLE.values(), ids=SINGLE)
def test_images(layer, twin, dtype):
    from torch_parity import check_parity

    for seed, shape in enumerate(((3, 5, 6), (4, 7, 8))):
        check_parity(lambda x: layer(x), lambda x, _: twin(x), [shape], dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("layer", "twin"), SEQUENCES.values(), ids=SEQUENCES)
def test_sequences(layer, twin, dtype):
    from torch_parity import check_parity

    check_parity(layer, lambda x, _: twin(x), [(3, 7)], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "twin"), [
    ("Add", lambda a, b, c: a + b + c), ("Multiply", lambda a, b, c: a * b * c),
    ("Maximum", lambda a, b, c: a.maximum(b).maximum(c)), ("Minimum", lambda a, b, c: a.minimum(b).minimum(c)),
    ("Average", lambda a, b, c: (a + b + c) / 3),
])
@pytest.mark.parametrize("shapes", [
    [(4, 3, 5)] * 3, [(7,)] * 3, [(4, 1, 1), (4, 3, 5), (1, 3, 1)], [(1,), (6,), (6,)], [(3, 1), (1, 4), (3, 1)]])
def test_merging(kind, twin, shapes, dtype):
    from torch_parity import check_parity

    for seed in range(3):
        layer = getattr(L, kind)(broadcast=len(set(shapes)) > 1)
        check_parity(layer, lambda a, b, c, _: twin(a, b, c), shapes, dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("a", "b", "axes", "formula"), [
    ((5,), (5,), 1, "nk,nk->n"),
    ((4, 5), (5,), (2, 1), "nik,nk->ni"),
    ((4, 5), (3, 5), -1, "nik,njk->nij"),
    ((5, 4), (5, 3), 1, "nki,nkj->nij"),
    ((2, 5, 4), (3, 5), (2, 2), "naki,njk->naij"),
])
def test_dot(a, b, axes, formula, dtype):
    import torch
    from torch_parity import check_parity

    def product(x, y):
        made = torch.einsum(formula, x, y)
        return made[:, None] if made.ndim == 1 else made

    def cosine(x, y):
        first, second = axes if isinstance(axes, tuple) else (axes, axes)
        return product(torch.nn.functional.normalize(x, dim=first), torch.nn.functional.normalize(y, dim=second))
    for seed in range(3):
        check_parity(L.Dot(axes), lambda x, y, _: product(x, y), [a, b], dtype, seed)
        check_parity(L.Dot(axes, normalize=True), lambda x, y, _: cosine(x, y), [a, b], dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_a_model_with_images(dtype):
    """The layout of images goes through everything."""
    import torch
    from torch.nn import functional as F
    from torch_parity import check_parity

    def declare(x):
        h = L.Conv2D(4, 3, padding="same")(L.ZeroPad2D(1)(x))
        gate = L.Reshape((4, 1, 1))(L.GlobalAveragePool()(h))
        h = L.Multiply(broadcast=True)([h, L.Sigmoid()(gate)])
        h = L.Concatenate()([L.UpSample2D(2)(L.AvgPool2D(2)(h)), L.PReLU()(L.Crop2D(((0, 0), (0, 1)))(h))])
        return L.Permute((2, 3, 1))(L.Maximum()([L.Slice(4)(h), L.Slice(stop=4)(h)]))

    def twin(x, w):
        h = F.conv2d(F.pad(x, (1, 1, 1, 1)), w["weight"], w["bias"], padding=1)
        h = h * h.mean((2, 3), keepdim=True).sigmoid()
        small, cropped = F.interpolate(F.avg_pool2d(h, 2), scale_factor=2.0), h[..., :-1]
        return torch.maximum(F.prelu(cropped, w["slope"]), small).permute(0, 2, 3, 1)
    for seed in range(3):
        check_parity(declare, twin, [(3, 6, 7)], dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", [[(4, 3, 5)] * 2, [(7,)] * 2, [(4, 1, 5), (1, 3, 5)]])
def test_subtracting(shapes, dtype):
    from torch_parity import check_parity

    layer = L.Subtract(broadcast=shapes[0] != shapes[1])
    check_parity(layer, lambda a, b, _: a - b, shapes, dtype)
