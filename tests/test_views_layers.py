"""Views made of other people's augmentation layers."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.views import Views, from_layers
from byol_keras.views.layered import LayerViews

SEED = (0, 1)


def pictures(count=16):
    return np.random.default_rng(0).integers(0, 256, (count, 24, 24, 3), dtype="uint8")


def test_layers__are_called_in_turn_as_in_training():
    flip = keras.layers.RandomFlip("horizontal", seed=1)
    view, _ = from_layers([keras.layers.Rescaling(0.5), flip, keras.layers.Rescaling(2.0, offset=0.1)])(
        pictures(), SEED
    )
    expected = pictures() / 255 + 0.1
    flipped = [not np.allclose(a, b, atol=1e-5) for a, b in zip(view, expected, strict=True)]
    assert 0 < sum(flipped) < 16
    for picture, original, turned in zip(view, expected, flipped, strict=True):
        np.testing.assert_allclose(picture, original[:, ::-1] if turned else original, atol=1e-5)


def test_views__differ_with_one_list_and_follow_two():
    one, other = from_layers([keras.layers.GaussianNoise(0.1)])(pictures(), SEED)
    assert np.all(one != other)
    one, other = from_layers([keras.layers.Rescaling(0.5)], [keras.layers.Rescaling(0.25)])(pictures(), SEED)
    np.testing.assert_allclose(one, 2 * other)


def test_layers__are_given_tokens_as_they_are():
    class Kept(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    tokens = np.arange(12, dtype="uint8").reshape(3, 4)
    np.testing.assert_array_equal(from_layers([Kept()])(tokens, SEED)[0], tokens)


def test_layers__work_in_a_graph():
    views = from_layers([keras.layers.RandomFlip(), keras.layers.RandomContrast(0.5), keras.layers.RandomErasing()])
    one, other = tf.function(views)(tf.constant(pictures()), tf.constant(SEED))
    assert one.shape == other.shape == (16, 24, 24, 3)
    assert not np.array_equal(one, other)


def test_layers__of_keras_cv_work_too():
    keras_cv = pytest.importorskip("keras_cv")
    views = from_layers([keras_cv.layers.RandomSaturation((0.2, 0.8)), keras_cv.layers.Grayscale(output_channels=3)])
    for view in views(pictures(), SEED):
        np.testing.assert_allclose(view[..., 0], view[..., 2], atol=1e-5)
        assert view.shape == (16, 24, 24, 3)


@pytest.mark.parametrize("second", [None, [keras.layers.Rescaling(0.25)]])
def test_round_trip__keeps_both_lists(second):
    views = from_layers([keras.layers.Rescaling(0.5), keras.layers.Rescaling(3.0)], second)
    assert set(views.get_config()) == {"layers_1", "layers_2"}
    written = json.dumps(keras.saving.serialize_keras_object(views))
    revived = keras.saving.deserialize_keras_object(json.loads(written))
    assert type(revived) is LayerViews
    assert (revived.layers_2 is revived.layers_1) is (second is None)
    for one, other in zip(views(pictures(), SEED), revived(pictures(), SEED), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers__promise_nothing_about_positions():
    """The model asks `isinstance(views, Views)` before it relies on them."""
    assert not isinstance(from_layers([keras.layers.RandomFlip()]), Views)


def test_strategy__of_several_replicas_is_refused():
    views, strategy = (
        from_layers([keras.layers.RandomFlip()]),
        tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
    )
    with (
        strategy.scope(),
        pytest.raises(ValueError, match=r"`views.from_layers` works on one replica only.* 2 replicas"),
    ):
        views(pictures(), SEED)
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        views(pictures(), SEED)


@pytest.mark.parametrize("layers", [[], ["flip"], [keras.layers.RandomFlip], "flip", None])
def test_layers__must_be_layers(layers):
    with pytest.raises(
        ValueError, match=r"`layers_1` must be a list of Keras layers, at least one. Received: layers_1="
    ):
        from_layers(layers)


def test_check__refuses_what_is_not_finite():
    views = from_layers([keras.layers.RandomFlip()])
    views.check(pictures())
    with pytest.raises(ValueError, match="`x` must be finite"):
        views.check(np.full((2, 4, 4, 3), np.nan))
