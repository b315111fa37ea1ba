"""Where one direction of the loss is done with before the other begins, nothing else is different."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, broken_vectors, mlp_encoder, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras import threads
from byol_keras.callbacks import TargetEMA


@pytest.fixture
def order(monkeypatch):
    """Says whether steps are built with both directions at once."""
    return lambda at_once: monkeypatch.setattr(threads, "at_once", lambda: at_once)


def state_of(model):
    return [*weights_of(model), *(variable.numpy() for variable in model.optimizer.variables)]


def regularized_encoder():
    return mlp_encoder(kernel_regularizer=keras.regularizers.L2(0.01), activity_regularizer=keras.regularizers.L2(0.01))


VECTORS = {
    "regularized": {"encoder": regularized_encoder},
    "infonce": {"loss": bk.losses.InfoNCE(0.5)},
    "compiled": {"compile_options": {"jit_compile": True}},
    "eager": {"compile_options": {"run_eagerly": True}},
}


@pytest.mark.parametrize("kind", VECTORS)
def test_step__gives_what_it_gives_at_once(kind, order):
    states = []
    for at_once in (True, False):
        order(at_once)
        model = vector_byol(**VECTORS[kind])
        model.fit(vectors(64), batch_size=16, epochs=2, verbose=0)
        states.append(state_of(model))
    assert_same(*states, atol=1e-5)


def word_encoder():
    return keras.Sequential(
        [keras.Input((6,), dtype="int32"), keras.layers.Embedding(30, 5), keras.layers.GlobalAveragePooling1D()]
    )


def test_step__adds_rows_of_an_embedding(order):
    tokens = np.random.default_rng(0).integers(2, 30, (32, 6), dtype="int32")
    states = []
    for at_once in (True, False):
        order(at_once)
        model = vector_byol(encoder=word_encoder, views=bk.views.TokenViews())
        model.fit(tokens, batch_size=16, epochs=2, verbose=0)
        states.append(state_of(model))
    assert_same(*states, atol=1e-5)


EVENTS = []


@keras.saving.register_keras_serializable(package="tests")
class Noted(keras.layers.Layer):
    """Does nothing, and notes in `EVENTS` when it is passed forwards and backwards."""

    def call(self, inputs):
        return noted(inputs)


@tf.custom_gradient
def noted(inputs):
    return note(inputs, "forward"), lambda upstream: note(upstream, "backward")


def note(tensor, event):
    def write(value):
        EVENTS.append(event)
        return value

    return tf.ensure_shape(tf.numpy_function(write, [tensor], tensor.dtype), tensor.shape)


@pytest.mark.parametrize(
    ("at_once", "expected"),
    [
        (True, ["forward", "forward", "backward", "backward"]),
        (False, ["forward", "backward", "forward", "backward"]),
    ],
)
def test_step__one_direction_ends_before_the_other_begins(at_once, expected, order):
    order(at_once)
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5), Noted()])
    model = vector_byol(encoder=encoder, compile_options={"jit_compile": False})
    model.target_encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])
    views = [tf.constant(vectors(8, seed=seed)) for seed in (1, 2)]
    model.views = None
    EVENTS.clear()
    tf.function(model.train_step)({"view_1": views[0], "view_2": views[1]})
    assert expected == EVENTS


def test_step__that_overflows_leaves_the_statistics_of_its_batch(order):
    keras.config.set_dtype_policy("mixed_float16")
    states = []
    for at_once in (True, False):
        order(at_once)
        sgd = keras.optimizers.SGD(0.1)
        model = vector_byol(keras.optimizers.LossScaleOptimizer(sgd, initial_scale=2.0**40))
        model.fit(vectors(8), batch_size=8, verbose=0)
        assert int(model.optimizer.iterations) == 0
        states.append(weights_of(model))
    assert_same(*states, atol=1e-3)


def test_step__that_fails_changes_nothing(order):
    order(at_once=False)
    data = vectors(64)
    data[40:48, 0] = 2000.0  # the sixth batch of eight
    states = []
    for examples in (data, data[:40]):
        model = vector_byol(views=broken_vectors, compile_options={"jit_compile": True})
        ema = TargetEMA(0.9, "constant")
        fit = functools.partial(model.fit, examples, batch_size=8, shuffle=False, callbacks=[ema], verbose=0)
        if len(examples) == 64:
            with pytest.raises(ValueError, match=r"non-finite at step 6\."):
                fit()
        else:
            fit()
        states.append(weights_of(model.encoder) + weights_of(model.target_encoder))
    assert_same(*states, atol=1e-6)
