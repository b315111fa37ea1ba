"""Vectors brought to length one, which every judge by cosine begins with."""

import tensorflow as tf

__all__ = ["directions"]


def directions(vectors: tf.Tensor) -> tf.Tensor:
    """Unit vectors, float32, whatever scale the vectors are of; those of zeros stay zeros.

    Args:
        vectors: numbers, shape `(n, dim)`.

    Example:
    >>> directions(tf.constant([[3e20, 4e20], [3e-20, 4e-20], [0.0, 0.0]])).numpy().round(6).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    vectors = tf.cast(vectors, tf.float32)
    # Their squares could be too large or too small for float32.
    largest = tf.reduce_max(tf.abs(vectors), axis=-1, keepdims=True)
    scaled = tf.math.divide_no_nan(vectors, largest)
    return tf.math.divide_no_nan(scaled, tf.norm(scaled, axis=-1, keepdims=True))
