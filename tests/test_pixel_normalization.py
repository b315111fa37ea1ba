"""Pixels are normalised as Keras does it, to the last digit, by whatever way."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import byol_keras as bk
from byol_keras.layers import PixelNormalization

MEAN, VARIANCE = [0.485, 0.456, 0.406], [0.05, 0.06, 0.0]


def images(*shape):
    return tf.random.stateless_uniform(shape, seed=(1, 2))


@pytest.mark.parametrize("training", [None, False, True])
@pytest.mark.parametrize("jit", [False, True])
def test_pixel_normalization__equals_keras(training, jit):
    ours, theirs = (kind(mean=MEAN, variance=VARIANCE) for kind in (PixelNormalization, keras.layers.Normalization))
    expected = theirs(images(2, 5, 7, 3))
    np.testing.assert_array_equal(ours(images(2, 5, 7, 3), training=training), expected)
    compiled = tf.function(lambda x: ours(x, training=training), jit_compile=jit)
    np.testing.assert_allclose(compiled(images(2, 5, 7, 3)), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 5, 7, 3), {"mean": 0.5, "variance": 0.1}),
        ((2, 5, 7, 3), {"mean": MEAN, "variance": VARIANCE, "invert": True}),
        ((2, 3, 7, 5), {"mean": MEAN, "variance": VARIANCE, "axis": 1}),
        ((2, 5, 7, 3), {"mean": 0.5, "variance": 0.1, "axis": None}),
        ((4, 3), {"mean": MEAN, "variance": VARIANCE}),
    ],
)
def test_pixel_normalization__of_other_arguments_and_shapes_equals_keras(shape, options):
    ours, theirs = PixelNormalization(**options), keras.layers.Normalization(**options)
    np.testing.assert_array_equal(ours(images(*shape), training=True), theirs(images(*shape)))


def test_pixel_normalization__learns_statistics_as_keras_does():
    ours, theirs = PixelNormalization(), keras.layers.Normalization()
    for layer in (ours, theirs):
        layer.adapt(images(8, 4, 4, 3).numpy())
    np.testing.assert_array_equal(ours(images(2, 4, 4, 3), training=True), theirs(images(2, 4, 4, 3)))


def test_pixel_normalization__takes_pictures_whose_size_is_not_known():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, PixelNormalization(mean=MEAN, variance=VARIANCE)(inputs))
    whole = tf.function(lambda x: model(x, training=True), input_signature=[tf.TensorSpec([None, None, None, 3])])
    np.testing.assert_array_equal(whole(images(2, 5, 7, 3)), model(images(2, 5, 7, 3), training=False))


def test_pixel_normalization__trains_on_rows_and_is_exported_as_before():
    encoder = bk.encoders.small_resnet((8, 8, 3), widths=(4,))
    layer = encoder.get_layer("pixel_normalization")

    def operations(training):
        spec = tf.TensorSpec([None, 8, 8, 3])
        graph = tf.function(lambda x: layer(x, training=training)).get_concrete_function(spec).graph
        return [operation.type for operation in graph.get_operations()]

    assert operations(training=True).count("Reshape") >= 2
    assert "Reshape" not in operations(training=False)
    assert isinstance(layer, keras.layers.Normalization)
