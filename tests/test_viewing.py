"""What a batch's random choices depend on, and how data reaches the encoders."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, noisy_vectors, picture_byol, pictures, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras.viewing import seed_of_batch


def test_seed_of_batch__differs_by_seed_by_stream_and_by_number():
    choices = list(itertools.product((0, 1, 7), (0, 1), (0, 1, 1_000_000)))
    assert len({tuple(seed_of_batch(*choice).numpy()) for choice in choices}) == len(choices)


def test_seed_of_batch__is_a_function_of_its_arguments():
    np.testing.assert_array_equal(seed_of_batch(3, 0, 5), seed_of_batch(3, 0, tf.constant(5)))


def test_evaluation__draws_other_views_than_training_and_the_same_ones_every_time():
    seeds = []

    def watched(batch, seed):
        tf.py_function(lambda value: seeds.append(tuple(value.numpy())), [seed], [])
        return noisy_vectors(batch, seed)

    model = vector_byol(views=watched)
    model.fit(vectors(16), batch_size=8, verbose=0)
    trained = set(seeds)
    seeds.clear()
    for _ in range(2):
        model.evaluate(vectors(16), batch_size=8, verbose=0)
    assert seeds[:2] == seeds[2:]
    assert len(trained) == len(set(seeds)) == 2
    assert not trained & set(seeds)


def uint8_vectors(seed):
    return np.random.default_rng(seed).integers(0, 256, (16, 6), dtype="uint8")


def assert_train_alike(one, other):
    """Two pairs of a model and its data come out with the same weights."""
    for model, data in (one, other):
        model.fit(data, batch_size=8, shuffle=False, verbose=0)
    assert_same(weights_of(one[0]), weights_of(other[0]), atol=1e-5)


def test_uint8__means_fractions_of_255_in_ready_made_pairs():
    raw = {"view_1": uint8_vectors(1), "view_2": uint8_vectors(2)}
    scaled = {name: view / np.float32(255) for name, view in raw.items()}
    assert_train_alike((vector_byol(views=None), raw), (vector_byol(views=None), scaled))


def test_uint8__means_fractions_of_255_in_views_of_any_callable():
    def flipped(batch, seed):
        return batch, tf.reverse(batch, [1])

    raw = uint8_vectors(1)
    assert_train_alike((vector_byol(views=flipped), raw), (vector_byol(views=flipped), raw / np.float32(255)))


def test_preprocessor__comes_before_the_check_of_values():
    """Floats in 0..255 are refused, but not where a preprocessor brings them into range."""
    images = pictures(8).astype("float32")
    encoder = bk.encoders.small_resnet((16, 16, 3), widths=(4,))
    with pytest.raises(ValueError, match="255"):
        picture_byol(encoder).fit(images, batch_size=8)
    scale = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Rescaling(1 / 255)])
    model = bk.BYOL(encoder, views=bk.views.ImageViews(16, preset="cifar"), preprocessor=scale)
    model.compile(bk.LARS(0.1))
    model.fit(images, batch_size=8, verbose=0)
    assert int(model.optimizer.iterations) == 1


def test_preprocessor__is_applied_to_both_of_a_ready_made_pair():
    pairs = {"view_1": vectors(16), "view_2": vectors(16, seed=2)}
    doubled = {name: 2.0 * view for name, view in pairs.items()}
    halve = keras.Sequential([keras.Input((6,)), keras.layers.Rescaling(0.5)])
    assert_train_alike((vector_byol(views=None, preprocessor=halve), doubled), (vector_byol(views=None), pairs))


def test_views__from_layers_train_in_float_pixels():
    layers = [keras.layers.RandomFlip("horizontal", seed=1), keras.layers.RandomBrightness(0.2, (0, 1), seed=2)]
    encoder = bk.encoders.small_resnet((16, 16, 3), widths=(4,))
    model = bk.BYOL(encoder, views=bk.views.from_layers(layers))
    model.compile(bk.LARS(0.1))
    before = encoder.get_weights()[0]
    history = model.fit(pictures(16), batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.abs(before - encoder.get_weights()[0]).max() > 0
