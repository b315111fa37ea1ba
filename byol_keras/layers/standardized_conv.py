"""Weight standardisation, for networks without batch statistics."""

import keras
import tensorflow as tf

from .conv import Conv2D

__all__ = ["StandardizedConv2D"]


@keras.saving.register_keras_serializable(package="byol_keras")
class StandardizedConv2D(Conv2D):
    """A convolution whose every filter is standardised before use.

    A filter `w` with `n` weights (its fan-in) is used as

        (w - mean(w)) / sqrt(max(n * variance(w), 1e-4))

    which has zero mean and variance `1 / n`, so that activations keep their scale. There is no learned gain:
    the group normalisation that follows has one. With it, BYOL learns without batch statistics (73.9 against
    74.3 top-1).

    Args:
        filters: Number of output channels.
        kernel_size: Size of the filters, an int or two.
        **kwargs: Everything else that `keras.layers.Conv2D` takes.

    Example:
    >>> import keras
    >>> from byol_keras.layers import StandardizedConv2D
    >>> layer = StandardizedConv2D(4, 3, padding="same", use_bias=False)
    >>> flat = keras.ops.ones((1, 5, 5, 2))
    >>> float(keras.ops.max(keras.ops.abs(layer(flat)[0, 2, 2]))) < 1e-5
    True

    References:
        - [Qiao et al., 2019](https://arxiv.org/abs/1903.10520), weight standardisation
        - [Richemond et al., 2020](https://arxiv.org/abs/2010.10241), its use in BYOL
        - [Brock et al., 2021](https://arxiv.org/abs/2101.08692), the fan-in scale and the bound
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return super().convolution_op(inputs, self._standardized(kernel))

    def learning_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return super().learning_op(inputs, self._standardized(kernel))

    def _standardized(self, kernel: tf.Tensor) -> tf.Tensor:
        return keras.ops.cast(_standardize(kernel), self.compute_dtype)


def _standardize(kernel: tf.Tensor) -> tf.Tensor:
    kernel = keras.ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))
    mean, variance = keras.ops.moments(kernel, axes=(0, 1, 2), keepdims=True)
    fan_in = kernel.shape[0] * kernel.shape[1] * kernel.shape[2]
    return (kernel - mean) * keras.ops.rsqrt(keras.ops.maximum(fan_in * variance, 1e-4))
