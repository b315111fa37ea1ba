"""One whole training step against a derivation that shares no code with the library."""

import functools

import keras
import numpy as np
import tensorflow as tf
from builders import mlp_encoder, noisy_vectors, vector_byol, vectors

import byol_keras as bk
from byol_keras.callbacks import TargetEMA
from byol_keras.viewing import seed_of_batch

RATE, DECAY, MOMENTUM, ETA, TAU = 0.5, 0.01, 0.9, 0.02, 0.9


class Net:
    """Dense-BN-ReLU-Dense blocks in a row, written out: [W1, b1, gamma, beta, W2, (b2)] and [mean, variance]."""

    def __init__(self, blocks):
        self.parameters = [[tf.constant(value) for value in block[0]] for block in blocks]
        self.statistics = [[np.array(value) for value in block[1]] for block in blocks]

    def __call__(self, x, parameters=None):
        for block, statistics in zip(parameters or self.parameters, self.statistics, strict=True):
            x = self.block(x, block, statistics)
        return x

    @staticmethod
    def block(x, block, statistics):
        hidden = x @ block[0] + block[1]
        mean = tf.reduce_mean(hidden, axis=0)
        variance = tf.reduce_mean((hidden - mean) ** 2, axis=0)
        for moving, new in zip(statistics, (mean, variance), strict=True):
            moving[...] = 0.9 * moving + 0.1 * new.numpy()
        hidden = tf.nn.relu((hidden - mean) / tf.sqrt(variance + 1e-5) * block[2] + block[3])
        return hidden @ block[4] + (block[5] if len(block) > 5 else 0.0)


def block_of(model):
    """The weights of one dense-BN-ReLU-dense model, parameters and statistics apart."""
    parameters = [v.numpy() for v in model.trainable_weights]
    return parameters, [v.numpy() for v in model.non_trainable_weights]


def unit(x):
    return x / tf.norm(x, axis=-1, keepdims=True)


def distance(p, z):
    return tf.reduce_mean(tf.reduce_sum((unit(p) - unit(z)) ** 2, axis=-1))


def step_by_hand(online, target, momenta, batch, seed, tau):
    """Forward, gradients, LARS, EMA and statistics of one step; returns the loss and the targets' spread."""
    views = noisy_vectors(tf.constant(batch), seed)
    flat = [value for block in online.parameters for value in block]
    goals = [target(view) for view in views]
    with tf.GradientTape() as tape:
        tape.watch(flat)
        loss = distance(online(views[0]), goals[1]) + distance(online(views[1]), goals[0])
    for index, (value, gradient) in enumerate(zip(flat, tape.gradient(loss, flat), strict=True)):
        gradient = gradient.numpy()
        if value.ndim > 1:
            gradient = gradient + DECAY * value.numpy()
            gradient = gradient * ETA * np.linalg.norm(value) / np.linalg.norm(gradient)
        momenta[index] = MOMENTUM * momenta[index] + gradient
        flat[index] = tf.constant(value.numpy() - RATE * momenta[index])
    shapes = [len(block) for block in online.parameters]
    online.parameters = [flat[sum(shapes[:i]) : sum(shapes[: i + 1])] for i in range(len(shapes))]
    target.parameters = [
        [t + (1 - tau) * (o - t) for o, t in zip(ours, theirs, strict=True)]
        for ours, theirs in zip(online.parameters, target.parameters, strict=False)
    ]
    spread = np.mean([np.std(unit(goal), axis=0).mean() * np.sqrt(goal.shape[1]) for goal in goals])
    return float(loss), spread


def assert_net(net, parts):
    for part, parameters, statistics in zip(parts, net.parameters, net.statistics, strict=True):
        ours = block_of(part)
        for one, other in zip(ours[0] + ours[1], [*parameters, *statistics], strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_train_step__equals_an_independent_derivation_for_three_steps():
    optimizer = bk.LARS(RATE, weight_decay=DECAY, momentum=MOMENTUM, trust_coefficient=ETA)
    model = vector_byol(optimizer, seed=11)
    for variable in model.target_encoder.trainable_weights:
        variable.assign_add(0.1 * tf.ones_like(variable))  # so that a mixed-up network would be seen
    online_parts = [model.encoder, model.projector, model.predictor]
    target_parts = [model.target_encoder, model.target_projector]
    online, target = (Net([block_of(part) for part in parts]) for parts in (online_parts, target_parts))
    momenta = [0.0] * sum(map(len, online.parameters))
    data = vectors(24)
    losses = []

    for step in range(3):
        batch = data[8 * step : 8 * step + 8]
        history = model.fit(
            batch, batch_size=8, shuffle=False, callbacks=[TargetEMA(TAU, "constant")], verbose=0
        ).history
        seed = seed_of_batch(11, 0, step)
        loss, spread = step_by_hand(online, target, momenta, batch, seed, TAU)
        np.testing.assert_allclose(history["loss"], [loss], rtol=1e-5)
        np.testing.assert_allclose(history["target_std"], [spread], rtol=1e-5)
        assert_net(online, online_parts)
        assert_net(target, target_parts)
        losses.append(loss)
    assert len(set(losses)) == 3


def gradients_of_target(model, data):
    views = model._make_views(data, 0, 0)
    with tf.GradientTape() as tape:
        tape.watch([v.value for v in model.target_encoder.weights])
        targets = [model._project_target(view, training=True) for view in views]
        loss = model._objective(model._directions(views, targets), training=True)
    return tape.gradient(loss, [v.value for v in model.target_encoder.trainable_weights])


def test_train_step__no_gradient_reaches_the_target():
    model = vector_byol()
    assert gradients_of_target(model, vectors(8)) == [None] * 6
    online = {id(v) for part in (model.encoder, model.projector, model.predictor) for v in part.trainable_weights}
    assert {id(v) for v in model.trainable_variables} == online
    target = [id(v) for v in model.target_encoder.weights + model.target_projector.weights]
    assert set(target) <= {id(v) for v in model.non_trainable_variables}


def test_train_step__target_keeps_moving_statistics_of_its_own():
    """With different weights in the two networks their statistics move, and move apart."""
    model = vector_byol()
    for variable in model.target_encoder.trainable_weights:
        variable.assign_add(tf.ones_like(variable))
    model.fit(vectors(16), batch_size=8, callbacks=[TargetEMA(1.0, "constant")], verbose=0)
    ours, theirs = (net.layers[1] for net in (model.encoder, model.target_encoder))
    for statistic in ("moving_mean", "moving_variance"):
        start = 0.0 if statistic == "moving_mean" else 1.0
        assert not np.allclose(getattr(theirs, statistic), start, atol=1e-3)
        assert not np.allclose(getattr(ours, statistic), getattr(theirs, statistic), atol=1e-3)


def test_train_step__target_normalises_by_its_batch_and_not_by_moving_statistics():
    model = vector_byol()
    model.target_encoder.layers[1].moving_mean.assign(100.0 * tf.ones(16))
    shifted = model.fit(vectors(8), batch_size=8, verbose=0).history["loss"]
    np.testing.assert_allclose(shifted, vector_byol().fit(vectors(8), batch_size=8, verbose=0).history["loss"])


def test_test_step__changes_nothing_and_uses_moving_statistics():
    model = vector_byol()
    before = [v.numpy() for v in model.variables]
    first = model.evaluate(vectors(20), batch_size=8, verbose=0, return_dict=True)
    second = model.evaluate(vectors(20), batch_size=8, verbose=0, return_dict=True)
    assert first == second
    assert set(first) == {"loss", "target_std"}
    for one, other in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    model.target_encoder.layers[1].moving_mean.assign(tf.range(16.0))
    assert model.evaluate(vectors(20), batch_size=8, verbose=0, return_dict=True)["loss"] != first["loss"]


def test_losses__regularisation_counts_once_and_only_online():
    plain, penalised = (
        vector_byol(encoder=functools.partial(mlp_encoder, kernel_regularizer=regularizer))
        for regularizer in (None, keras.regularizers.L2(0.1))
    )
    kernel = plain.encoder.layers[0].kernel.numpy()
    losses = [m.fit(vectors(8), batch_size=8, verbose=0).history["loss"][0] for m in (plain, penalised)]
    np.testing.assert_allclose(losses[1] - losses[0], 0.1 * float(tf.reduce_sum(kernel**2)), rtol=1e-4)


def test_losses__activity_of_both_views_is_averaged():
    @keras.saving.register_keras_serializable(package="tests")
    class MeanOfInput(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(tf.reduce_mean(inputs))
            return inputs

    def shifted(batch, seed):
        return batch, batch + 3.0

    def encoder(*before):
        return keras.Sequential([keras.Input((6,)), *before, keras.layers.Dense(5)])

    with_loss = vector_byol(encoder=lambda: encoder(MeanOfInput()), views=shifted)
    without = vector_byol(encoder=encoder, views=shifted)
    data = vectors(8)
    losses = [m.fit(data, batch_size=8, verbose=0).history["loss"][0] for m in (with_loss, without)]
    np.testing.assert_allclose(losses[0] - losses[1], data.mean() + 1.5, rtol=1e-4)
