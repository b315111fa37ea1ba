"""Convolutions over time that end where a series ends."""

import keras
import tensorflow as tf

__all__ = ["MaskedConv1D"]


@keras.saving.register_keras_serializable(package="byol_keras")
class MaskedConv1D(keras.layers.Conv1D):
    """A convolution over time to which steps that a Keras mask leaves out are zeros, as what lies before the first is.

    The first output is centred on the first step, and `strides` steps lie between two outputs. So what comes out for a
    series does not depend on how much padding stands behind it; with Keras' `padding="same"` strides would. Outputs are
    masked as the step that they are centred on.

    Args:
        filters: Number of output channels.
        kernel_size: Steps that an output sees.
        strides: Steps from one output to the next. Default 1.
        **kwargs: Everything else that `keras.layers.Conv1D` takes, but `padding` and `data_format`.

    Example:
    >>> import keras
    >>> from byol_keras.layers import MaskedConv1D
    >>> MaskedConv1D(4, 3, strides=2)(keras.ops.ones((1, 7, 2))).shape
    TensorShape([1, 4, 4])
    """

    def __init__(self, filters: int, kernel_size: int, strides: int = 1, **kwargs: object) -> None:
        super().__init__(filters, kernel_size, strides, **{"padding": "valid", "data_format": "channels_last"} | kwargs)
        if (self.padding, self.data_format) != ("valid", "channels_last"):
            raise ValueError(
                "`padding` and `data_format` must be left out: a series is padded by its mask, channels come last. "
                f"Received: padding={self.padding!r}, data_format={self.data_format!r}"
            )
        self.supports_masking = True

    def call(self, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        if mask is not None:
            inputs = tf.where(mask[..., tf.newaxis], inputs, tf.zeros([], inputs.dtype))
        around = self._around()
        inputs = tf.pad(inputs, [[0, 0], [around // 2, around - around // 2], [0, 0]])
        # What all convolutions do: that of `Conv1D` makes no use of `convolution_op`.
        return super(keras.layers.Conv1D, self).call(inputs)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.kernel_size != (1,):
            return super().convolution_op(inputs, kernel)
        # With strides its gradient writes beyond its memory in oneDNN, where there are few channels.
        return keras.ops.conv(inputs[:, :: self.strides[0]], kernel, data_format=self.data_format)

    def compute_mask(self, inputs: tf.Tensor, previous_mask: tf.Tensor | None = None) -> tf.Tensor | None:
        return None if previous_mask is None else previous_mask[:, :: self.strides[0]]

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        count, time, channels = input_shape
        return super().compute_output_shape((count, None if time is None else time + self._around(), channels))

    def _around(self) -> int:
        return self.dilation_rate[0] * (self.kernel_size[0] - 1)
