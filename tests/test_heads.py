"""Laws of the heads: DeepMind's layers, in numbers."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.heads import head_widths, predictor, projector
from byol_keras.layers import BatchNormalization

heads = pytest.mark.parametrize("head", [projector, predictor])


@heads
def test_head__equals_its_formula(head):
    model = head(6, hidden=10, output=4)
    dense, norm, _, last = model.layers
    dense.bias.assign(keras.random.normal((10,), seed=2))
    norm.gamma.assign(keras.random.normal((10,), seed=3))
    norm.beta.assign(keras.random.normal((10,), seed=4))
    x = np.asarray(keras.random.normal((8, 6), seed=1))
    hidden = x @ dense.kernel.numpy() + dense.bias.numpy()
    hidden = (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + 1e-5)
    hidden = np.maximum(hidden * norm.gamma.numpy() + norm.beta.numpy(), 0.0)
    np.testing.assert_allclose(model(x, training=True), hidden @ last.kernel.numpy(), rtol=1e-4, atol=1e-5)


@heads
def test_head__has_the_reference_layers(head):
    model = head(512)
    dense, norm, _, last = model.layers
    assert model.name == head.__name__
    assert model.output_shape == (None, 256)
    assert dense.units == 4096
    assert dense.use_bias
    assert not last.use_bias
    assert isinstance(norm, BatchNormalization)
    assert (norm.momentum, norm.epsilon, norm.synchronized) == (0.9, 1e-5, False)
    assert head(6, hidden=4, output=2, synchronized=True).layers[1].synchronized


@heads
def test_head__starts_as_haiku_linear(head):
    """Truncated normal of standard deviation 1 / sqrt(fan-in), cut at two of the uncut one's (1 / 0.8796)."""
    first, last = (layer.kernel.numpy() for layer in head(400, hidden=900, output=100).layers[::3])
    for kernel in (first, last):
        np.testing.assert_allclose(kernel.std() * np.sqrt(len(kernel)), 1.0, rtol=0.02)
        assert np.abs(kernel).max() * np.sqrt(len(kernel)) < 2.0 / 0.8796 + 1e-3
    assert first.shape == (400, 900)


@heads
def test_head__with_group_normalization_sees_no_other_rows(head):
    model = head(6, hidden=32, output=4, normalization="group")
    x = keras.random.normal((8, 6), seed=1)
    np.testing.assert_allclose(model(x, training=True)[:1], model(x[:1], training=True), atol=1e-5)
    assert np.abs(model(x)).max() > 0.01


@heads
@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_head__survives_saving_and_cloning(head, normalization, tmp_path):
    model = head(6, hidden=8, output=4, normalization=normalization, name="head")
    x = keras.random.normal((8, 6), seed=1)
    model(x, training=True)
    model.save(tmp_path / "head.keras")
    revived = keras.models.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(revived(x), model(x))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(x), model(x))


@heads
@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_head__trains_compiled_in_bfloat16(head, normalization):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = head(6, hidden=8, output=4, normalization=normalization)
    before = model.get_weights()
    model.compile("sgd", "mse", jit_compile=True)
    model.fit(keras.random.normal((8, 6)), tf.ones((8, 4)), verbose=0)
    assert all(weight.dtype == "float32" for weight in model.weights)
    moved = [np.any(old != new) for old, new in zip(before, model.get_weights(), strict=True)]
    # The bias before a batch normalisation has no gradient but for rounding.
    assert all(moved[:1] + moved[2:])


def test_head_widths__of_small_and_large_encoders():
    expected = {2048: (4096, 256), 512: (4096, 256), 256: (2048, 256), 64: (512, 256), 1: (8, 4)}
    assert {features: head_widths(features) for features in expected} == expected


@heads
@pytest.mark.parametrize("argument", ["input_dim", "hidden", "output"])
def test_head__bad_widths(head, argument):
    for value in (0, -1, 2.5, None, "8"):
        message = f"`{argument}` must be a positive integer. Received: {argument}={value!r}"
        with pytest.raises(ValueError, match=re.escape(message)):
            head(**{"input_dim": 4, argument: value})


def test_head__bad_normalization():
    with pytest.raises(ValueError, match="`normalization` must be"):
        projector(4, normalization="layer")


def test_head_widths__bad_input():
    with pytest.raises(ValueError, match="`features` must be a positive integer"):
        head_widths(0)
