"""The same network at another size, whoever made its layers."""

import keras
import numpy as np
import pytest

from byol_keras import encoders


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2.0 * inputs


@pytest.mark.parametrize("layer", [Doubled, lambda: keras.layers.Lambda(lambda x: 2.0 * x)])
def test_resized__takes_layers_that_are_not_registered(layer):
    encoder = keras.Sequential(
        [keras.Input((None, None, 3)), layer(), keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()]
    )
    encoder.compile("sgd", "mse")
    pixels = keras.random.uniform((4, 8, 8, 3), seed=1)
    copy = encoders.resized(encoder, (8, 8, 3))
    assert copy.input_shape == (None, 8, 8, 3)
    np.testing.assert_array_equal(copy(pixels), encoder(pixels))


def test_resized__says_why_not_in_a_sentence():
    class Forgetful(Doubled):
        def __init__(self, factor):
            super().__init__()

        def get_config(self):
            return {}

    counts = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4)])
    for encoder in (counts, keras.Sequential([keras.Input((8, 8, 3)), Forgetful(2.0)])):
        with pytest.raises(ValueError, match="`encoder` must take examples of any size to be used at") as caught:
            encoders.resized(encoder, (16, 16, 3))
        assert "\n" not in str(caught.value)
