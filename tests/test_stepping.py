"""Failing safely, with and without loss scaling."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, broken_vectors, vector_byol, vectors, weights_of

from byol_keras.callbacks import TargetEMA
from byol_keras.stepping import all_finite, snapshot


def broken_run(optimizer, data, **options):
    """Broken views wherever a batch starts with a large number."""
    model = vector_byol(optimizer, options, views=broken_vectors)
    ema = TargetEMA(0.9, "constant")
    return model, lambda: model.fit(data, batch_size=8, shuffle=False, callbacks=[ema], verbose=0)


def float16_run(data, **options):
    """Under a loss scale that never overflows."""
    sgd = keras.optimizers.SGD(0.1, momentum=0.9)
    return broken_run(keras.optimizers.LossScaleOptimizer(sgd, initial_scale=128.0), data, **options)


@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 4}])
def test_float16__a_loss_that_becomes_nan_stops_with_the_last_good_state(options):
    """A loss that is not finite is no overflow of its scale: nothing of that step or of those after it is kept."""
    keras.config.set_dtype_policy("mixed_float16")
    data = vectors(64)
    data[40:48, 0] = 2000.0  # the sixth batch of eight
    model, fit = float16_run(data, **options)
    with pytest.raises(ValueError, match=r"`loss` or its gradients became non-finite at step 6\."):
        fit()
    reference, fit = float16_run(data[:40], **options)
    fit()
    assert int(model.optimizer.iterations) == 5
    for part in ("encoder", "projector", "predictor", "target_encoder", "target_projector"):
        assert_same(weights_of(getattr(model, part)), weights_of(getattr(reference, part)), atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_all_finite__looks_at_every_element_of_every_tensor(bad):
    good = tf.ones((2, 3))
    assert all_finite([good, None, tf.constant(1.0)])
    assert not all_finite([good, None, tf.constant([[0.0, 1.0], [bad, 0.0]])])


@pytest.mark.parametrize(("value", "finite"), [(1.0, True), (np.nan, False)])
def test_all_finite__looks_into_sparse_gradients(value, finite):
    slices = tf.IndexedSlices(tf.constant([[0.0, value]]), tf.constant([1]), tf.constant([3, 2]))
    assert bool(all_finite([slices])) == finite


def test_snapshot__puts_values_back():
    variables = [keras.Variable([1.0, 2.0]), keras.Variable(3, dtype="int32", trainable=False)]
    restore = snapshot(variables)
    variables[0].assign([7.0, 8.0])
    variables[1].assign(9)
    restore()
    np.testing.assert_array_equal(variables[0], [1.0, 2.0])
    assert int(variables[1]) == 3


def test_variables_without_a_gradient__are_left_alone():
    """A layer whose output the loss never sees gets None as its gradient."""

    @keras.saving.register_keras_serializable(package="tests")
    class Spare(keras.layers.Layer):
        def build(self, shape):
            self.spare = self.add_weight(shape=(3,), initializer="ones")

        def call(self, inputs):
            return inputs

    encoder = keras.Sequential([keras.Input((6,)), Spare(), keras.layers.Dense(5)])
    model = vector_byol(encoder=encoder)
    kernel = encoder.layers[1].kernel.numpy()
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        model.fit(vectors(8), batch_size=8, verbose=0)
    np.testing.assert_array_equal(encoder.layers[0].spare, np.ones(3))
    assert np.abs(encoder.layers[1].kernel - kernel).max() > 1e-4


def test_accumulation__a_loss_that_becomes_nan_is_named_by_its_batch_and_not_accumulated():
    data = vectors(64)
    data[40:48, 0] = 2000.0  # the sixth batch of eight, the second of two that make a step
    results = []
    for examples in (data, data[:40]):
        model, fit = broken_run(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2), examples)
        if len(examples) == 64:
            with pytest.raises(ValueError, match=r"`loss` or its gradients became non-finite at step 6\."):
                fit()
        else:
            fit()
        results.append([*weights_of(model.encoder), *[v.numpy() for v in model.optimizer.variables]])
    assert_same(*results, atol=1e-6)
