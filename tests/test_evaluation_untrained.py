"""The network before training."""

import random

import keras
import numpy as np
import pytest
from builders import assert_same, mlp_encoder, pictures, vectors, weights_of

import byol_keras as bk
from byol_keras.evaluation import untrained


def trained(model, seed=0):
    """`model`, with every weight moved as training would."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(weight.numpy() + generator.uniform(0.5, 1.0, weight.shape))
    return model


def test_untrained__is_new_and_leaves_the_encoder_alone():
    encoder = trained(mlp_encoder())
    before = weights_of(encoder)
    fresh = untrained(encoder, seed=5)
    assert_same(before, weights_of(encoder))
    assert fresh.name == encoder.name
    for ours, theirs in zip(encoder.weights, fresh.weights, strict=True):
        assert ours.shape == theirs.shape
        assert not np.any(ours.numpy() == theirs.numpy())
    normalization = fresh.layers[1]
    np.testing.assert_array_equal(normalization.moving_mean, 0.0)
    np.testing.assert_array_equal(normalization.moving_variance, 1.0)
    np.testing.assert_array_equal(normalization.gamma, 1.0)
    assert np.std(fresh.layers[0].kernel) > 0.1


def test_untrained__depends_on_its_seed_and_on_nothing_else():
    encoder = mlp_encoder()
    state = random.getstate()
    first = weights_of(untrained(encoder, seed=1))
    assert random.getstate() == state
    keras.utils.set_random_seed(99)
    assert_same(first, weights_of(untrained(encoder, seed=1)))
    assert not np.array_equal(first[0], untrained(encoder, seed=2).weights[0])


def test_untrained__keeps_statistics_of_the_data_also_in_nested_models():
    adapted = keras.layers.Normalization()
    adapted.adapt(vectors(50) * 3.0 + 1.0)
    inner = keras.Sequential([keras.Input((6,)), adapted, keras.layers.Dense(5)], name="inner")
    encoder = keras.Sequential([keras.Input((6,)), inner, keras.layers.Dense(4)])
    fresh = untrained(encoder, seed=5)
    assert_same(weights_of(adapted), weights_of(fresh.get_layer("inner").layers[0]))
    assert not np.any(fresh.get_layer("inner").layers[1].kernel.numpy() == inner.layers[1].kernel.numpy())
    assert not np.any(fresh.layers[1].kernel.numpy() == encoder.layers[1].kernel.numpy())


def test_untrained__keeps_frozen_layers():
    encoder = trained(mlp_encoder())
    encoder.layers[0].trainable = encoder.layers[1].trainable = False
    fresh = untrained(encoder)
    for layer in (0, 1):
        assert_same(weights_of(encoder.layers[layer]), weights_of(fresh.layers[layer]))
    assert not np.any(fresh.layers[3].kernel.numpy() == encoder.layers[3].kernel.numpy())


def test_untrained__of_our_own_encoder_sees_pixels_as_the_trained_one():
    encoder = trained(bk.encoders.small_resnet((8, 8, 3), widths=(4, 8), statistics=(0.2, 0.7)))
    fresh, images = untrained(encoder), pictures(2, size=8) / np.float32(255)
    name = "pixel_normalization"
    np.testing.assert_array_equal(encoder.get_layer(name)(images), fresh.get_layer(name)(images))
    assert np.all(np.isfinite(fresh(images)))


def test_untrained__of_a_frozen_network_is_refused():
    encoder = mlp_encoder()
    encoder.trainable = False
    with pytest.raises(ValueError, match=r"`encoder` must have trainable weights to be set back.* all frozen"):
        untrained(encoder)
    with pytest.raises(ValueError, match="which has none"):
        untrained(keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]))


def test_untrained__of_what_can_not_be_made_again_says_what_it_lacks():
    class Wide(keras.Model):
        def __init__(self, width):
            super().__init__()
            self.dense = keras.layers.Dense(width)

        def call(self, inputs):
            return self.dense(inputs)

    encoder = Wide(3)
    encoder(np.zeros((2, 4), "float32"))
    with pytest.raises(TypeError, match="`encoder` can't be copied: it must be rebuilt"):
        untrained(encoder)
