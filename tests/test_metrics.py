"""What the log shows: means over examples, and the newest value of what follows a schedule."""

import keras
import numpy as np
import tensorflow as tf
from builders import vector_byol, vectors

from byol_keras.callbacks import TargetEMA
from byol_keras.metrics import Latest


def test_latest__is_the_newest_value_and_outlives_the_epoch():
    metric = Latest()
    for value in (0.25, 0.75):
        metric.update_state(value)
        assert float(metric.result()) == value
    metric.reset_state()
    assert float(metric.result()) == 0.75


def test_tau__is_shown_before_the_target_ever_moved():
    model = vector_byol(keras.optimizers.SGD(0.1, gradient_accumulation_steps=4))
    history = model.fit(vectors(16), batch_size=8, callbacks=[TargetEMA(0.9, "constant")], verbose=0).history
    np.testing.assert_allclose(history["tau"], [0.9], rtol=1e-6)


def test_loss__is_the_mean_over_examples_where_the_last_batch_is_smaller():
    def size(prediction, target):
        return tf.zeros(tf.shape(prediction)[0]) + tf.cast(tf.shape(prediction)[0], tf.float32)

    result = vector_byol(loss=size).evaluate(vectors(20), batch_size=8, verbose=0, return_dict=True)
    np.testing.assert_allclose(result["loss"], 2.0 * (8 * 8 + 8 * 8 + 4 * 4) / 20, rtol=1e-6)


def test_target_std__is_the_mean_over_examples_where_the_last_batch_is_smaller():
    def unchanged(batch, seed):
        return batch, batch

    model = vector_byol(views=unchanged)
    spread, collapsed = vectors(4), np.ones((8, 6), "float32")
    alone, both = (
        model.evaluate(data, batch_size=8, verbose=0, return_dict=True)["target_std"]
        for data in (spread, np.concatenate([collapsed, spread]))
    )
    assert alone > 0.1
    np.testing.assert_allclose(both, alone * 4 / 12, rtol=1e-4)
