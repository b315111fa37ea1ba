"""Laws of batch normalisation on several replicas: together they are one device, however they share a batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices
from test_layers import Stock, normal, one_step, randomize

from byol_keras.layers import BatchNormalization


def on_replicas(kind, x, first=None, mask=None, **config):
    """One step on two logical CPUs, of which one gets the `first` examples (default half) and one the others."""
    strategy = two_devices()
    with strategy.scope():
        layer = kind(**config)
        layer.build(x.shape)
        randomize(layer)

    def step(x, weights, mask=None):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True, **({} if mask is None else {"mask": mask}))
            loss = tf.reduce_sum(tf.sin(tf.cast(outputs, tf.float32)) * weights)
        input_gradient, *gradients = tape.gradient(loss, [x, *layer.trainable_variables])
        total = tf.distribute.get_replica_context().all_reduce("SUM", gradients) if gradients else []
        return outputs, input_gradient, *total

    first = len(x) // 2 if first is None else first
    shares = [
        strategy.experimental_distribute_values_from_function(
            lambda context, value=value: tf.split(value, [first, -1])[context.replica_id_in_sync_group]
        )
        for value in (x, keras.random.normal(x.shape, seed=3), *([] if mask is None else [mask]))
    ]
    outputs, input_gradient, *gradients = tf.function(strategy.run)(step, args=shares)
    whole = [tf.concat(strategy.experimental_local_results(part), axis=0) for part in (outputs, input_gradient)]
    shared = [strategy.experimental_local_results(gradient)[0] for gradient in gradients]
    return [*whole, *shared, *layer.non_trainable_variables]


def on_one_device(x, mask=None, **config):
    layer = Stock(**config)
    layer.build(x.shape)
    return one_step(randomize(layer), x, **({} if mask is None else {"mask": mask}))


def assert_near(actual, expected, tolerance):
    for one, other in zip(actual, expected, strict=True):
        assert one.dtype == other.dtype
        one, other = (np.asarray(keras.ops.cast(value, "float32")) for value in (one, other))
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("shape", "config"),
    [
        ((16, 6), {}),
        ((8, 5, 6), {"epsilon": 1e-5}),
        ((8, 5, 3, 6), {"momentum": 0.9}),
        ((4, 2, 5, 3, 6), {}),
        ((16, 6), {"scale": False}),
        ((8, 5, 3, 6), {"center": False}),
        ((8, 5, 3, 6), {"center": False, "scale": False}),
    ],
)
def test_synchronized__replicas_equal_one_device(shape, config):
    actual = on_replicas(BatchNormalization, normal(shape), synchronized=True, **config)
    assert_near(actual, on_one_device(normal(shape), **config), 2e-5)


@pytest.mark.parametrize("first", [1, 5, 8])
def test_synchronized__shares_of_any_size_equal_one_device(first):
    """With the last of them one replica gets nothing."""
    x = normal((8, 5, 3, 6))
    actual = on_replicas(BatchNormalization, x, first, synchronized=True)
    assert_near(actual, on_one_device(x), 2e-5)


@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5, 1, 6)])
def test_synchronized__what_a_mask_leaves_out_counts_on_no_replica(shape):
    """Keras takes a mask's rank for the inputs' without their channels."""
    x, mask = normal(shape), tf.reshape(tf.sequence_mask([5, 2, 4, 1], 5), shape[:-1])
    actual = on_replicas(BatchNormalization, x, mask=mask, synchronized=True)
    assert_near(actual, on_one_device(x, mask), 2e-5)


def test_synchronized__a_mask_of_numbers_is_one_and_one_of_another_rank_is_refused():
    x = normal((4, 5, 6))
    mask = tf.sequence_mask([5, 2, 4, 1], 5, dtype=tf.int32)
    assert_near(on_replicas(BatchNormalization, x, mask=mask, synchronized=True), on_one_device(x, mask), 2e-5)
    with pytest.raises(ValueError, match="mask"):
        on_replicas(BatchNormalization, normal((4, 5, 5, 6)), mask=mask, synchronized=True)


def test_synchronized__a_mask_that_lets_nothing_count_leaves_statistics_finite():
    found = on_replicas(BatchNormalization, normal((4, 5, 6)), mask=tf.zeros((4, 5), tf.bool), synchronized=True)
    assert all(np.isfinite(value).all() for value in found)


# Two units in the last place of each type: gradients are rounded once more than on one device.
@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.06), ("float16", 0.008)])
@pytest.mark.parametrize("shape", [(16, 6), (8, 5, 3, 6)])
def test_synchronized__half_precision(shape, precision, tolerance):
    x, policy = normal(shape, precision), f"mixed_{precision}"
    actual = on_replicas(BatchNormalization, x, dtype=policy, synchronized=True)
    assert_near(actual, on_one_device(x, dtype=policy), tolerance)


def test_synchronized__statistics_far_from_zero_keep_their_digits():
    """Values about 300 with a deviation of 3, and a moving mean that has not got there."""
    x = 300.0 + normal((512, 6))
    *_, mean, variance = on_replicas(BatchNormalization, x, synchronized=True, momentum=0.0)
    np.testing.assert_allclose(mean, np.mean(x, axis=0, dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(variance, np.var(x, axis=0, dtype="float64"), rtol=3e-3)


def test_synchronized__sends_one_message_forward_and_one_back(monkeypatch):
    sent, send = [], tf.distribute.ReplicaContext.all_reduce

    def all_reduce(self, operation, value, options=None):
        sent.append(value)
        return send(self, operation, value, options)

    monkeypatch.setattr(tf.distribute.ReplicaContext, "all_reduce", all_reduce)
    on_replicas(BatchNormalization, normal((8, 5, 3, 6)), synchronized=True, center=False, scale=False)
    assert len(sent) == 2 * 2


def test_unsynchronized__replicas_equal_keras():
    expected, actual = (on_replicas(kind, normal((8, 5, 3, 6))) for kind in (Stock, BatchNormalization))
    assert_near(actual, expected, 1e-5)


def test_synchronized__outside_of_replicas_equals_keras():
    strategy = two_devices()
    found = []
    with strategy.scope():
        for kind in (Stock, BatchNormalization):
            layer = kind(synchronized=True)
            layer.build((16, 6))
            found.append([randomize(layer)(normal((16, 6)), training=True), *layer.non_trainable_variables])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
