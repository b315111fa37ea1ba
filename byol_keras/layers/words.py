"""What stands in front of a network that reads texts."""

import keras
import tensorflow as tf
from keras import ops

__all__ = ["Words"]

_PADDING, _UNKNOWN = 0, 1


@keras.saving.register_keras_serializable(package="byol_keras")
class Words(keras.layers.Embedding):
    """A vector for each token id of a text, and a mask that leaves out padding (id 0, at the end alone).

    An id outside of the vocabulary is an unknown word (id 1), in every runtime: TensorFlow itself would fail on a
    processor, give zeros on a GPU and the last word under XLA. A text of nothing but padding counts as one token, so
    that no mean is taken over nothing.

    Args:
        input_dim: size of the vocabulary with padding and unknown words, 2 or more.
        output_dim: size of the vectors.
        **kwargs: of `keras.layers.Embedding`; `mask_zero` is True.

    Example:
    >>> layer = Words(5, 3)
    >>> vectors = layer(tf.constant([[4, 1, 0], [7, -3, 0], [0, 0, 0]]))
    >>> bool(tf.reduce_all(vectors[1, 0] == vectors[0, 1]))  # 7 is no word of five
    True
    >>> layer.compute_mask(tf.constant([[4, 1, 0], [0, 0, 0]])).numpy()
    array([[ True,  True, False],
           [ True, False, False]])
    """

    def __init__(self, input_dim: int, output_dim: int, **kwargs: object) -> None:
        super().__init__(input_dim, output_dim, **kwargs | {"mask_zero": True})
        if input_dim < 2:
            raise ValueError(f"`input_dim` must be 2 or more: padding and unknown words. Received: {input_dim}")

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        unknown = (ids < _PADDING) | (ids >= self.input_dim)
        return super().call(ops.where(unknown, ops.cast(_UNKNOWN, ids.dtype), ids))

    def compute_mask(self, ids: tf.Tensor, previous_mask: tf.Tensor | None = None) -> tf.Tensor:
        first = ops.ones_like(ids[:, :1], dtype="bool")
        return ops.concatenate([first, ops.not_equal(ids[:, 1:], _PADDING)], axis=1)
