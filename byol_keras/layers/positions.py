"""Where in a sequence a vector stands."""

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Positions"]

_SLOWEST = 10_000.0


@keras.saving.register_keras_serializable(package="byol_keras")
class Positions(keras.layers.Layer):
    """Adds to each vector of a sequence a code of its place, which attention does not see by itself.

    ```
    code[place, 2i] = scale * sin(place / 10000^(2i / width))
    code[place, 2i + 1] = scale * cos(place / 10000^(2i / width))
    ```

    The code is not learned, so sequences may be of any length.

    Args:
        scale: size of the code, positive: how much places count beside what stands there. Default 1.
        **kwargs: of every Keras layer.

    Example:
    >>> Positions()(tf.zeros((1, 3, 2))).numpy().round(2)
    array([[[ 0.  ,  1.  ],
            [ 0.84,  0.54],
            [ 0.91, -0.42]]], dtype=float32)

    Reference: [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.5.
    """

    def __init__(self, scale: float = 1.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if not scale > 0.0:
            raise ValueError(f"`scale` must be positive. Received: scale={scale}")
        self.scale = float(scale)
        self.supports_masking = True

    def call(self, vectors: tf.Tensor) -> tf.Tensor:
        width = vectors.shape[-1]
        rates = _SLOWEST ** (-2.0 * (np.arange(width) // 2) / width)
        # The cosine is a sine that is a quarter ahead.
        ahead = np.where(np.arange(width) % 2, np.pi / 2, 0.0)
        places = tf.range(tf.shape(vectors)[1] if vectors.shape[1] is None else vectors.shape[1])
        angles = tf.cast(places, tf.float32)[:, None] * tf.constant(rates, tf.float32) + tf.constant(ahead, tf.float32)
        return vectors + tf.cast(self.scale * tf.sin(angles), vectors.dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return super().get_config() | {"scale": self.scale}
