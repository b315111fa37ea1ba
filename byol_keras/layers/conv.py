"""Convolution of images whose kernel learns from small maps as fast as from large ones."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ..compiling import here

__all__ = ["Conv2D", "kernel_gradient"]

# By size and strides of a kernel, where products were faster (examples/benchmarks/kernels.py): over maps of at most so
# many positions, and with at least so many weights (channels times filters) at each place of the kernel.
_FASTER = {
    ((3, 3), (1, 1)): (144, 2**15),
    ((3, 3), (2, 2)): (1024, 2**12),
    ((1, 1), (1, 1)): (196, 2**16),
}


@keras.saving.register_keras_serializable(package="byol_keras")
class Conv2D(keras.layers.Conv2D):
    """Keras' convolution, with the gradient of its kernel as a product of matrices where that is faster.

    That is in training on processors, in bfloat16, of kernels with many channels over small maps: the last stages
    of a ResNet. What TensorFlow computes them with comes to a quarter to a half of a processor's best there, products
    of matrices to three quarters. Outputs and the gradient of the inputs are Keras' own, that of the kernel is the same
    sum. Everywhere else (on accelerators, compiled by XLA, in inference) the layer goes Keras' way.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the filters, an int or two.
        **kwargs: Everything else that `keras.layers.Conv2D` takes.

    Example:
    >>> from byol_keras.layers import Conv2D
    >>> Conv2D(512, 3, strides=2, padding="same", dtype="mixed_bfloat16")(tf.ones((2, 8, 8, 256)), training=True).shape
    TensorShape([2, 4, 4, 512])
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not (training and here() and self._has_small_maps(inputs)):
            return super().call(inputs)
        outputs = self.learning_op(inputs, self.kernel)
        if self.use_bias:
            outputs += keras.ops.convert_to_tensor(self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def learning_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """`convolution_op`, from which the kernel learns by a product of matrices."""
        return _convolved(inputs, keras.ops.convert_to_tensor(kernel), self.strides, self.padding.upper())

    def _has_small_maps(self, inputs: tf.Tensor) -> bool:
        kernel = (self.kernel_size, self.strides)
        others = (self.compute_dtype, self.data_format, self.dilation_rate, self.groups)
        plain = others == ("bfloat16", "channels_last", (1, 1), 1)
        if kernel not in _FASTER or not plain or None in inputs.shape[1:]:
            return False
        most, least = _FASTER[kernel]
        _, height, width, _ = self.compute_output_shape(inputs.shape)
        return 0 < height * width <= most and inputs.shape[-1] * self.filters >= least


def kernel_gradient(
    inputs: tf.Tensor, moved: tf.Tensor, size: tuple[int, int], strides: tuple[int, int], padding: str
) -> tf.Tensor:
    """The gradient of a convolution's kernel, as a product of matrices.

    Args:
        inputs: what was convolved, of known height, width and channels.
        moved: the gradient of what came out.
        size: height and width of the kernel.
        strides: how far it went down, and to the right.
        padding: `"SAME"` or `"VALID"`.
    """
    patches = inputs if size == strides == (1, 1) else _patches(inputs, moved.shape[1:3], size, strides, padding)
    channels, filters = inputs.shape[-1], moved.shape[-1]
    patches = tf.reshape(patches, [-1, size[0] * size[1] * channels])
    product = tf.matmul(patches, tf.reshape(moved, [-1, filters]), transpose_a=True)
    return tf.reshape(product, [*size, channels, filters])


def _patches(inputs: tf.Tensor, reach: tf.TensorShape, size: tuple, strides: tuple, padding: str) -> tf.Tensor:
    """Of each output, in order, the pixels that the kernel met."""
    if padding == "SAME":
        inputs = _surrounded(inputs, reach, size, strides)
    _, height, width, channels = inputs.shape
    rows, columns = (_met(*axis) for axis in zip(reach, size, strides, strict=True))
    pixels = (rows[:, None, :, None] * width + columns[None, :, None, :]).flatten()
    return tf.gather(tf.reshape(inputs, [-1, height * width, channels]), pixels, axis=1)


def _surrounded(inputs: tf.Tensor, reach: tf.TensorShape, size: tuple, strides: tuple) -> tf.Tensor:
    """With the zeros that `"SAME"` stands for."""
    paddings = [[0, 0]]
    for length, outputs, kernel, stride in zip(inputs.shape[1:3], reach, size, strides, strict=True):
        missing = max((outputs - 1) * stride + kernel - length, 0)
        paddings.append([missing // 2, missing - missing // 2])
    return tf.pad(inputs, [*paddings, [0, 0]])


def _met(outputs: int, size: int, stride: int) -> np.ndarray:
    """Along one axis, for each output, where the kernel was."""
    return np.arange(outputs, dtype="int32")[:, np.newaxis] * stride + np.arange(size, dtype="int32")


def _convolved(inputs: tf.Tensor, kernel: tf.Tensor, strides: tuple[int, int], padding: str) -> tf.Tensor:
    @tf.custom_gradient
    def convolved(inputs: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(moved: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            by_inputs = tf.nn.conv2d_transpose(moved, kernel, tf.shape(inputs), strides, padding)
            # Patches are several times as large as the inputs: none are made before they are of use.
            with tf.control_dependencies([moved]):
                return by_inputs, kernel_gradient(inputs, moved, kernel.shape[:2], strides, padding)

        return tf.nn.conv2d(inputs, kernel, strides, padding), gradient

    return convolved(inputs, kernel)
