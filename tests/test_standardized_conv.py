"""Laws of weight standardisation."""

import keras
import numpy as np
import tensorflow as tf

from byol_keras.layers import StandardizedConv2D


def normal(shape):
    return 2.0 + 3.0 * keras.random.normal(shape, seed=1)


def standardized(**config):
    layer = StandardizedConv2D(5, 3, use_bias=False, kernel_initializer="he_normal", **config)
    layer.build((None, 3, 3, 2))
    layer.kernel.assign(3.0 * layer.kernel + 1.0)
    return layer


def test_standardized_conv__filters_have_mean_0_and_variance_1_over_fan_in():
    """The filters as unit pictures show them: one input value is 1, the others 0."""
    filters = np.reshape(standardized()(tf.reshape(tf.eye(18), (18, 3, 3, 2))), (18, 5))
    np.testing.assert_allclose(filters.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(filters.var(axis=0), 1 / 18, rtol=1e-5)


def test_standardized_conv__ignores_scale_and_shift_of_a_filter():
    layer, x = standardized(), normal((4, 3, 3, 2))
    before = layer(x)
    layer.kernel.assign(layer.kernel * [1.0, 2.0, 3.0, 0.5, 1.0] + [0.0, 0.0, 0.0, 1.0, -2.0])
    np.testing.assert_allclose(layer(x), before, rtol=1e-4, atol=1e-4)


def test_standardized_conv__compiled_and_in_half_precision():
    layer, x = standardized(), normal((4, 3, 3, 2))
    np.testing.assert_allclose(tf.function(layer, jit_compile=True)(x), layer(x), rtol=1e-5, atol=1e-5)
    half = standardized(dtype="mixed_bfloat16")
    half.kernel.assign(layer.kernel)
    assert half(x).dtype == "bfloat16"
    np.testing.assert_allclose(tf.cast(half(x), "float32"), layer(x), atol=0.1)


def test_standardized_conv__constant_filters_stay_finite():
    layer, x = standardized(), normal((4, 3, 3, 2))
    layer.kernel.assign(tf.ones_like(layer.kernel))
    with tf.GradientTape() as tape:
        outputs = layer(x)
    np.testing.assert_array_equal(outputs, 0.0)
    assert np.isfinite(tape.gradient(outputs, layer.kernel.value)).all()
