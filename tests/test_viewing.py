"""What a batch's random choices depend on, and how data reaches the encoders."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, noisy_vectors, picture_byol, pictures, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras.viewing import as_encoded, seed_of_batch


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


def small_encoder():
    return keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(5)])


def token_encoder(**options):
    embedding = keras.layers.Embedding(256, 8)
    return keras.Sequential([keras.Input((5,), **options), embedding, keras.layers.GlobalAveragePooling1D()])


def assert_train_alike(one, other):
    """Two pairs of a model and its data come out with the same weights."""
    for model, data in (one, other):
        model.fit(data, batch_size=8, shuffle=False, verbose=0)
    assert_same(weights_of(one[0]), weights_of(other[0]), atol=1e-5)


def test_uint8__means_fractions_of_255_in_ready_made_pairs():
    raw = {"view_1": pictures(16, size=4), "view_2": pictures(16, size=4, seed=2)}
    scaled = {name: view / np.float32(255) for name, view in raw.items()}
    options = {"views": None, "encoder": small_encoder}
    assert_train_alike((vector_byol(**options), raw), (vector_byol(**options), scaled))


def test_uint8__means_fractions_of_255_in_views_of_any_callable():
    def flipped(batch, seed):
        return batch, tf.reverse(batch, [2])

    raw, options = pictures(16, size=4), {"views": flipped, "encoder": small_encoder}
    assert_train_alike((vector_byol(**options), raw), (vector_byol(**options), raw / np.float32(255)))


@pytest.mark.parametrize("options", [{}, {"dtype": "int32"}])
def test_uint8__of_tokens_is_left_alone(options):
    """Also where nobody said that the input is of integers, which is what `Input` takes for granted."""
    encoder, tokens = token_encoder(**options), np.arange(40, dtype="uint8").reshape(8, 5)
    model = bk.BYOL(encoder, views=lambda batch, seed: (batch, tf.roll(batch, 1, axis=1)))
    np.testing.assert_array_equal(as_encoded(tokens, encoder), tokens)
    np.testing.assert_allclose(model(tokens), encoder(tokens.astype("int32")), atol=1e-6)


def test_uint8__means_fractions_of_255_in_the_pictures_among_other_inputs():
    image, tokens = keras.Input((8, 8, 3), name="image"), keras.Input((5,), dtype="int32", name="tokens")
    parts = [keras.layers.GlobalAveragePooling2D()(image), token_encoder()(tokens)]
    encoder = keras.Model({"image": image, "tokens": tokens}, keras.layers.Concatenate()(parts))
    raw = {"tokens": np.arange(10, dtype="uint8").reshape(2, 5), "image": pictures(2, size=8)}
    encoded = as_encoded(raw, encoder)
    np.testing.assert_allclose(encoded["image"], raw["image"] / np.float32(255))
    np.testing.assert_array_equal(encoded["tokens"], raw["tokens"])


def test_uint8__of_clips_means_fractions_of_255_and_pictures_for_integers_are_left_alone():
    clips = np.full((2, 3, 4, 4, 1), 51, "uint8")
    for dtype, scale in (("float32", 255.0), ("bfloat16", 255.0), ("uint8", 1.0)):
        inputs = keras.Input(clips.shape[1:], dtype=dtype)
        encoder = keras.Model(inputs, keras.layers.Flatten()(inputs))
        np.testing.assert_allclose(as_encoded(clips, encoder), clips / scale)


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
