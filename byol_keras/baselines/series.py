"""Series of different lengths in one batch: zeros stand behind the shorter ones."""

import keras
import tensorflow as tf

from ..layers import real_steps

__all__ = ["LastStep", "mean_over", "weights_of_steps"]


def weights_of_steps(series: tf.Tensor) -> tf.Tensor:
    """1 for each step of a series, 0 for the padding behind it; float32 of shape `(batch, time)`."""
    return tf.cast(real_steps(series), tf.float32)


def mean_over(values: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """The mean of each series' values over the steps that count, 0 where none does; of shape `(batch,)`.

    Args:
        values: one number per step, of shape `(batch, time)`.
        steps: 1 for steps that count, otherwise 0, of the same shape.
    """
    return tf.math.divide_no_nan(tf.reduce_sum(values * steps, axis=1), tf.reduce_sum(steps, axis=1))


@keras.saving.register_keras_serializable(package="byol_keras")
class LastStep(keras.layers.Layer):
    """What a recurrent network knows when a series ends: its state at the last step before the padding.

    Takes the series, of shape `(batch, time, channels)`, and the states, of shape `(batch, time, features)`; returns
    one state of each. Padding are the steps at the end that are all zeros; of a series of nothing else, the first
    state is returned.

    Args:
        **kwargs: of every Keras layer.

    Example:
    >>> series = tf.constant([[[7.0], [8.0], [0.0]]])
    >>> LastStep()([series, tf.constant([[[1.0], [2.0], [3.0]]])]).numpy()
    array([[2.]], dtype=float32)
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        # A mask has done its work in the states.
        self.supports_masking = True

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        series, states = inputs
        lengths = tf.reduce_sum(tf.cast(real_steps(series), tf.int32), axis=1)
        return tf.gather(states, tf.maximum(lengths - 1, 0), axis=1, batch_dims=1)

    def compute_mask(self, inputs: object, mask: object = None) -> None:
        return None

    def compute_output_shape(self, input_shape: list[tuple]) -> tuple:
        return (input_shape[1][0], input_shape[1][2])
