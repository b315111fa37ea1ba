"""Normalisation of pixels that does not wait for three channels."""

import keras
import tensorflow as tf

__all__ = ["PixelNormalization"]


@keras.saving.register_keras_serializable(package="byol_keras")
class PixelNormalization(keras.layers.Normalization):
    """Keras' normalisation by constants, on whole rows of pictures while training.

    The numbers are Keras' own to the last digit. TensorFlow's kernels for processors repeat a vector of three channels
    over a picture value by value; the same vector, laid out over a row of pixels, they take many values at a time. In
    inference and for other shapes (a width or a number of channels that is not known, another axis) the layer goes
    Keras' way, so that exported models hold the operations that converters know.

    Args:
        axis: Axis of the channels. Default -1.
        mean: Mean of the pixels, a number or one per channel. Default None: `adapt` finds it.
        variance: Variance of the pixels, likewise.
        invert: Whether to undo a normalisation. Default False.
        **kwargs: Of every Keras layer.

    Example:
    >>> layer = PixelNormalization(mean=[0.5, 0.5, 0.0], variance=[0.25, 1.0, 1.0])
    >>> layer(tf.ones((1, 2, 2, 3)), training=True).numpy()[0, 0]
    array([[1. , 0.5, 1. ],
           [1. , 0.5, 1. ]], dtype=float32)
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        shape = inputs.shape
        rows = len(shape) == 4 and None not in shape[2:] and self.axis in ((-1,), (3,)) and not self.invert
        if not (training and rows):
            return super().call(inputs)
        pixels = tf.reshape(tf.cast(inputs, self.compute_dtype), [-1, shape[2] * shape[3]])
        mean, variance = (self._over_row(values, shape) for values in (self.mean, self.variance))
        # As Keras does: what never changes is only centred.
        deviation = tf.maximum(tf.sqrt(variance), tf.cast(keras.config.epsilon(), self.compute_dtype))
        return tf.reshape((pixels - mean) / deviation, tf.shape(inputs))

    def _over_row(self, values: tf.Tensor, shape: tf.TensorShape) -> tf.Tensor:
        channels = tf.broadcast_to(tf.reshape(tf.cast(values, self.compute_dtype), [-1]), shape[3:])
        return tf.tile(channels, shape[2:3])
