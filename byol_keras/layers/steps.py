"""What stands in front of a network that reads series of numbers."""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import ops

from .scaling import Scaling

__all__ = ["Steps", "real_steps"]


def real_steps(series: tf.Tensor) -> tf.Tensor:
    """Which steps of series are data: all but the run of zeros at the end.

    A step is zero where every channel is exactly 0. In the middle of a series such a step is data.

    Args:
        series: of shape `(batch, time, channels)`.

    Returns:
        A boolean tensor of shape `(batch, time)`.

    Example:
    >>> real_steps(tf.constant([[[1.0], [0.0], [2.0], [0.0]]])).numpy()
    array([[ True,  True,  True, False]])
    """
    numbers, lengths = _counted(series)
    return numbers <= lengths


def _counted(series: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The numbers of the steps from 1 on, and that of each series' last step of data."""
    # Keras' operations, since masks are part of a functional model's graph; a range can't be of unknown length there.
    numbers = ops.cumsum(ops.ones_like(series[..., 0], dtype="int32"), axis=1)
    written = ops.any(ops.not_equal(series, 0.0), axis=-1)
    return numbers, ops.max(ops.where(written, numbers, 0), axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="byol_keras")
class Steps(Scaling):
    """Series of numbers as a network likes them: channels of one scale, and a mask that tells which steps count.

    A batch has the shape `(batch, time, channels)`. Series that are shorter than its time are padded at the end with
    steps in which every channel is exactly 0. Such a run of zeros at the end stays 0 and is masked, so that recurrent
    layers and pooling leave it out; a step of zeros in the middle is data like any other. A series of nothing but
    padding counts as one step of zeros, so that no mean is taken over nothing.

    Args:
        mean: of every channel. Default 0.
        deviation: standard deviation of every channel, positive. Default 1.
        **kwargs: of every Keras layer.

    Example:
    >>> layer = Steps(mean=[1.0], deviation=[2.0])
    >>> series = tf.constant([[[5.0], [0.0], [1.0], [0.0]]])
    >>> layer(series).numpy().ravel().tolist()
    [2.0, -0.5, 0.0, 0.0]
    >>> layer.compute_mask(series).numpy()
    array([[ True,  True,  True, False]])
    """

    each = "channel"

    def __init__(
        self, mean: Sequence[float] | None = None, deviation: Sequence[float] | None = None, **kwargs: object
    ) -> None:
        super().__init__(mean, deviation, **kwargs)
        self.supports_masking = True

    def call(self, series: tf.Tensor) -> tf.Tensor:
        return tf.where(real_steps(series)[..., tf.newaxis], self.scaled(series), 0.0)

    def compute_mask(self, series: tf.Tensor, previous_mask: tf.Tensor | None = None) -> tf.Tensor:
        numbers, lengths = _counted(series)
        return numbers <= ops.maximum(lengths, 1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape
