"""Copies in half precision are shared by all passes, and every variable still gets its whole gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import vector_byol, vectors, weights_of

from byol_keras import threads
from byol_keras.copies import HalfCopies, plain_variables


def dense_layer(units=3, dtype="mixed_bfloat16"):
    dense = keras.layers.Dense(units, dtype=dtype)
    dense.build((None, 4))
    return dense


def rows():
    return tf.constant(np.random.default_rng(0).normal(size=(8, 4)), "float32")


def total(layer, inputs):
    return tf.reduce_sum(tf.cast(layer(inputs), tf.float32) ** 2)


def of_two_passes(dense, shared, tapes):
    """The gradient by the kernel, and how often the graph that computes it casts from and to its precision."""

    @tf.function
    def gradient():
        inputs = [rows(), 2.0 * rows()]
        with HalfCopies([dense.kernel], shared) as copies:
            for batches in [inputs] if tapes == 1 else [[part] for part in inputs]:
                with tf.GradientTape() as tape:
                    copies.watch(tape)
                    loss = sum(total(dense, part) for part in batches)
                copies.add(tape, loss)
            return copies.joined()[0]

    casts = [op for op in gradient.get_concrete_function().graph.get_operations() if op.type == "Cast"]
    return gradient().numpy(), sum(op.outputs[0].shape == dense.kernel.shape for op in casts)


@pytest.mark.parametrize("tapes", [1, 2])
def test_copies__one_and_its_gradient_are_shared_among_passes(tapes):
    dense = dense_layer()
    alone, casts_alone = of_two_passes(dense, [], tapes)
    shared, casts_shared = of_two_passes(dense, [dense.kernel, dense.kernel], tapes)
    assert (casts_alone, casts_shared) == (4, 2)
    np.testing.assert_allclose(shared, alone, rtol=0.02, atol=0.05)
    assert "_maybe_autocast" not in vars(dense.kernel)


def test_copies__become_gradients_in_float32_when_the_last_of_them_is_there():
    first, second = dense_layer(), dense_layer()

    @tf.function
    def gradients():
        with HalfCopies([first.kernel, second.kernel]) as copies:
            with tf.GradientTape() as tape:
                copies.watch(tape)
                loss = total(first, rows()) + total(second, rows())
            copies.add(tape, loss)
            return copies.joined()

    casts = [tensor.op.inputs[0].op for tensor in gradients.get_concrete_function().outputs]
    assert [cast.type for cast in casts] == ["Cast"] * 2
    for cast in casts:
        (every,) = cast.control_inputs
        assert {other.inputs[0].op for other in casts} <= set(every.control_inputs)


def test_copies__add_nothing_to_the_graph_but_themselves():
    dense = dense_layer()

    @tf.function
    def twice(inputs):
        with HalfCopies([dense.kernel, dense.bias]):
            return dense(inputs) + dense(inputs)

    kinds = [op.type for op in twice.get_concrete_function(rows()).graph.get_operations()]
    # One copy each of kernel and bias, and of the inputs for each call.
    assert (kinds.count("Cast"), kinds.count("StopGradient"), kinds.count("Const")) == (4, 2, 0)


def test_copies__in_full_precision_nothing_changes():
    dense = dense_layer(dtype="float32")
    alone, shared = (of_two_passes(dense, shared, tapes=1)[0] for shared in ([], None))
    np.testing.assert_array_equal(shared, alone)


def test_copies__what_is_used_in_both_precisions_gets_both_gradients():
    dense = dense_layer()

    @tf.function
    def gradient(shared):
        with HalfCopies([dense.kernel], shared) as copies, tf.GradientTape() as tape:
            copies.watch(tape)
            loss = total(dense, rows()) + 3.0 * tf.reduce_sum(dense.kernel._value**3)
        copies.add(tape, loss)
        return copies.joined()[0]

    np.testing.assert_allclose(gradient(None), gradient([]), rtol=0.02, atol=0.05)


def test_copies__a_loop_has_some_of_its_own():
    """What is made inside of a loop can't be used outside."""
    dense = dense_layer(units=4)

    @tf.function
    def chained(values):
        with HalfCopies([dense.kernel]):
            _, values = tf.while_loop(
                lambda turn, _: turn < 2,
                lambda turn, values: (turn + 1, tf.cast(dense(values), tf.float32)),
                [0, values],
            )
            return dense(dense(values))

    found, expected = chained(rows()), dense(dense(dense(dense(rows()))))
    np.testing.assert_allclose(tf.cast(found, tf.float32), tf.cast(expected, tf.float32), rtol=0.05, atol=0.05)


@keras.saving.register_keras_serializable(package="tests")
class Recomputed(keras.layers.Layer):
    """A dense layer that remembers nothing for its gradient."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(8, activation="relu")

    def build(self, shape):
        if not self.inner.built:
            self.inner.build(shape)

    def compute_output_shape(self, shape):
        return (*shape[:-1], 8)

    def call(self, inputs):
        return tf.recompute_grad(self.inner)(inputs)


@pytest.mark.parametrize("run_eagerly", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_step__trains_what_computes_again(at_once, run_eagerly, monkeypatch):
    """A copy from outside of such a layer's own gradient would leave it as it began, without a word."""
    monkeypatch.setattr(threads, "at_once", lambda: at_once)
    keras.config.set_dtype_policy("mixed_bfloat16")
    encoder = keras.Sequential([keras.Input((6,)), Recomputed(), keras.layers.Dense(5)])
    model = vector_byol(encoder=encoder, compile_options={"run_eagerly": run_eagerly})
    before = weights_of(model.encoder)
    model.fit(vectors(32), batch_size=16, verbose=0)
    moved = [np.abs(now - then).max() > 1e-4 for now, then in zip(weights_of(model.encoder), before, strict=True)]
    assert all(moved[::2])


def test_plain_variables__are_those_of_layers_whose_gradients_are_known():
    plain, tied, hidden = keras.layers.Dense(3), keras.layers.Dense(8), Recomputed()
    hidden.inner = tied
    with keras.RematScope(mode="full"):
        again = keras.layers.Dense(8)
    replaced = keras.layers.Dense(8)
    replaced.call = tf.recompute_grad(replaced.call)
    model = keras.Sequential([keras.Input((8,)), tied, hidden, again, replaced, keras.Sequential([plain])])
    assert [id(v) for v in plain_variables([model])] == [id(v) for v in plain.trainable_variables]
