"""Vectors brought to length one, which every judge by cosine begins with, and how many it compares at a time."""

from collections.abc import Iterator

import tensorflow as tf

__all__ = ["directions", "pieces"]


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


def pieces(count: int, others: int, most: int) -> Iterator[slice]:
    """The parts in which so many vectors are compared with all others, so that their similarities fit into memory.

    Args:
        count: vectors that are divided.
        others: vectors that each is compared with.
        most: similarities held at a time.

    Example:
    >>> list(pieces(5, others=100, most=250))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    rows = max(1, most // others)
    return (slice(start, start + rows) for start in range(0, count, rows))
