"""What callers feed: several inputs and outputs, and errors that name both ends."""

from pathlib import Path

import numpy as np
import pytest

import graphnet as gn

HERE = Path(__file__).name


def two_in_two_out() -> gn.Network:
    image, extra = gn.Input((1, 4, 4), name="image"), gn.Input((3,), name="extra")
    features = gn.layers.Flatten()(gn.layers.MaxPool2D(2)(image))
    h = gn.layers.Concatenate()(features, extra)
    outputs = {"kind": gn.layers.Dense(2, name="kind")(h), "size": gn.layers.Dense(1, name="size")(h)}
    model = gn.Model({"image": image, "extra": extra}, outputs)
    return gn.compile(model, loss={"kind": "softmax_cross_entropy", "size": "mse"}, optimizer="sgd")


def one_in() -> gn.Network:
    x = gn.Input((3,), name="x")
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse")


def arrays(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"image": rng.standard_normal((count, 1, 4, 4)), "extra": rng.standard_normal((count, 3))}


class TestPredict:
    def test_several_outputs_are_a_dict(self):
        made = two_in_two_out().predict(arrays(5))
        assert {name: a.shape for name, a in made.items()} == {"kind": (5, 2), "size": (5, 1)}

    def test_inputs_by_name_or_in_order(self):
        net, given = two_in_two_out(), arrays(5)
        by_name, in_order = net.predict(given), net.predict((given["image"], given["extra"]))
        turned = net.predict({"extra": given["extra"], "image": given["image"]})
        for name in by_name:
            np.testing.assert_array_equal(by_name[name], in_order[name])
            np.testing.assert_array_equal(by_name[name], turned[name])

    @pytest.mark.parametrize("batch_size", [1, 2, 5, 7, 100])
    def test_batches_do_not_show(self, batch_size):
        net, given = two_in_two_out(), arrays(7)
        whole, cut = net.predict(given), net.predict(given, batch_size=batch_size)
        for name in whole:
            np.testing.assert_allclose(cut[name], whole[name], 1e-6, 1e-6)

    def test_result_is_the_caller_s_own(self):
        net = one_in()
        first = net.predict(np.ones((2, 3)))
        kept = first.copy()
        net.predict(np.zeros((2, 3)))
        np.testing.assert_array_equal(first, kept)
        first[...] = 0

    @pytest.mark.parametrize("make", [lambda a: a[::2], lambda a: a[:, ::-1], np.asfortranarray, lambda a: a.tolist()],
                             ids=["strided", "reversed", "columns", "list"])
    def test_any_memory_order(self, make):
        net, x = one_in(), np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
        np.testing.assert_array_equal(net.predict(make(x)), net.predict(np.array(make(x), order="C")))

    def test_inputs_are_not_changed(self):
        net, x = one_in(), np.ones((4, 3), np.float32)
        x.flags.writeable = False
        net.predict(x)
        net.loss_and_gradients(x, np.zeros((4, 2)))


class TestRefusals:
    def refuse(self, net, x) -> str:
        with pytest.raises(gn.GraphNetError) as caught:
            net.predict(x)
        return str(caught.value)

    def test_wrong_feature_count_names_both_ends(self):
        text = self.refuse(one_in(), np.ones((4, 5)))
        assert f"input 'x', declared at {HERE}:" in text.replace(str(Path(__file__).parent) + "/", "")
        assert "cannot take what is fed at " in text
        assert text.count(HERE) == 2
        assert "it takes (N, 3), got (4, 5): axis 1 is 5, not 3" in text

    def test_single_sample_without_batch_axis(self):
        text = self.refuse(one_in(), np.ones(3))
        assert "it takes (N, 3), got (3,): 1 dims instead of 2" in text
        assert "fix: add the batch axis, x[None] for a single sample" in text

    def test_image_without_channels(self):
        text = self.refuse(two_in_two_out(), arrays(2) | {"image": np.ones((2, 4, 4))})
        assert "input 'image'" in text
        assert "or the channel axis, x[:, None] for grey images" in text

    @pytest.mark.parametrize("dtype", ["complex128", "object", "U3"])
    def test_dtypes_that_are_no_numbers(self, dtype):
        text = self.refuse(one_in(), np.zeros((2, 3)).astype(dtype))
        assert "it takes float32, got " in text
        assert 'fix: convert it with .astype("float32")' in text

    def test_unknown_name(self):
        text = self.refuse(two_in_two_out(), {"image": np.ones((1, 1, 4, 4)), "more": np.ones((1, 3))})
        assert text == "x has image, more, but the model needs image, extra"

    def test_too_few_arrays(self):
        assert self.refuse(two_in_two_out(), np.ones((1, 1, 4, 4))) == (
            "x is one array, but the model needs 2: give a dict or tuple of image, extra")
        assert self.refuse(two_in_two_out(), (np.ones((1, 1, 4, 4)),)) == (
            "x has 1 arrays, but the model needs 2: image, extra")

    def test_lengths_that_differ(self):
        text = self.refuse(two_in_two_out(), {"image": np.ones((2, 1, 4, 4)), "extra": np.ones((3, 3))})
        assert "3" in text
        assert "2" in text
        assert "axis 0 is 3, not 2" in text

    def test_images_with_channels_last(self):
        text = self.refuse(two_in_two_out(), arrays(2) | {"image": np.ones((2, 4, 4, 1))})
        assert "axis 1 is 4, not 1" in text
        assert "fix: channels come right behind the batch: give x.transpose(0, 3, 1, 2)" in text
        assert np.ones((2, 4, 4, 1)).transpose(0, 3, 1, 2).shape == (2, 1, 4, 4)

    def test_sequences_with_features_in_front(self):
        x = gn.Input((None, 3), name="x")
        net = gn.compile(gn.Model(x, gn.layers.LSTM(2)(x)))
        assert "give x.transpose(0, 2, 1)" in self.refuse(net, np.ones((2, 3, 7)))

    def test_a_shape_that_no_turning_mends(self):
        text = self.refuse(two_in_two_out(), arrays(2) | {"image": np.ones((2, 4, 5, 1))})
        assert "fix: feed arrays of the declared shape, batch first" in text

    @pytest.mark.parametrize("series", [False, True])
    def test_a_single_feature_without_its_axis(self, series):
        """A pandas Series is such an array."""
        s = gn.Input((1,), name="s")
        net = gn.compile(gn.Model(s, gn.layers.Dense(1)(s)))
        x = np.arange(3.0)
        given = type("Series", (), {"__array__": lambda self, dtype=None, copy=None: x, "__len__": lambda self: 3})()
        text = self.refuse(net, given if series else x)
        assert "it takes (N, 1), got (3,)" in text
        assert "fix: add the axis of the single feature: give np.asarray(x)[:, None]" in text
        assert net.predict(np.asarray(given)[:, None]).shape == (3, 1)

    def test_inputs_and_labels_of_different_length(self):
        with pytest.raises(gn.DataError, match="as many samples as one another, got x: 4, labels of dense: 3"):
            one_in().loss_and_gradients(np.ones((4, 3)), np.zeros((3, 2)))

    def test_nothing_was_trained_by_what_was_refused(self):
        net = two_in_two_out()
        before = {name: w.copy() for name, w in net.weights.items()}
        with pytest.raises(gn.GraphNetError):
            net.train_on_batch(arrays(4), {"kind": np.zeros(4, int), "size": np.zeros((4, 2))})
        assert net.step == 0
        for name, weight in net.weights.items():
            np.testing.assert_array_equal(weight, before[name])


class TestNoSamples:
    """Predictions of nothing are nothing; what needs samples says which arrays have none."""

    def test_predictions_keep_their_shapes(self):
        assert one_in().predict(np.ones((0, 3))).shape == (0, 2)
        made = two_in_two_out().predict({"image": np.ones((0, 1, 4, 4)), "extra": np.ones((0, 3))})
        assert {name: (a.shape, a.dtype.name) for name, a in made.items()} == {
            "kind": ((0, 2), "float32"), "size": ((0, 1), "float32")}

    def test_of_sequences_and_of_stateful_layers(self):
        x = gn.Input((None, 3), name="x")
        net = gn.compile(gn.Model(x, gn.layers.LSTM(2, return_sequences=True, stateful=True)(x)), dtype="float64")
        made = net.predict(np.ones((0, 5, 3)))
        assert (made.shape, made.dtype) == ((0, 5, 2), np.float64)
        assert net.predict(np.ones((4, 5, 3))).shape == (4, 5, 2)  # the states belong to no batch yet

    @pytest.mark.parametrize("call", ["evaluate", "train_on_batch", "loss_and_gradients", "fit"])
    def test_the_empty_arrays_are_named(self, call):
        with pytest.raises(gn.DataError, match=r"^x and labels of dense hold no samples$"):
            getattr(one_trained(), call)(np.ones((0, 3)), np.ones((0, 2)))

    @pytest.mark.parametrize("call", ["evaluate", "fit"])
    def test_one_empty_array_beside_others(self, call):
        with pytest.raises(gn.DataError, match="got x: 0, labels of dense: 4"):
            getattr(one_trained(), call)(np.ones((0, 3)), np.ones((4, 2)))

    def test_samples_for_a_file(self, tmp_path):
        with pytest.raises(gn.DataError, match=r"^x hold no samples$"):
            one_in().save(tmp_path / "a.gnet", samples=np.ones((0, 3)))

    def test_samples_that_are_refused_leave_those_before(self):
        net = one_in()
        net.samples = np.ones((2, 3))
        with pytest.raises(gn.ShapeError):
            net.samples = np.ones((2, 5))
        assert net.samples["x"].shape == (2, 3)

    @pytest.mark.parametrize(("data", "text"), [
        ((np.ones((0, 3)), np.ones((0, 2))), "validation_data: x and labels of dense hold no samples"),
        ((np.ones((4, 3)), np.full((4, 2), np.nan)), "validation_data: label (0, 0) is nan"),
        ((np.full((4, 3), np.nan), np.ones((4, 2))), "validation_data: input 'x' holds nan at [0, 0]"),
        ((np.ones((4, 5)), np.ones((4, 2))), "validation_data: input 'x', declared at "),
        ((np.ones((4, 3)), None), "validation_data: y is None"),
    ])
    def test_validation_data_is_named(self, data, text):
        with pytest.raises(gn.GraphNetError) as caught:
            one_trained().fit(np.ones((4, 3)), np.ones((4, 2)), validation_data=data)
        assert str(caught.value).startswith(text)


def one_trained() -> gn.Network:
    x = gn.Input((3,), name="x")
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse", optimizer="sgd")
