"""Signs of collapse that need no labels."""

import tensorflow as tf

__all__ = ["normalized_std"]


def normalized_std(vectors: tf.Tensor) -> tf.Tensor:
    """How far apart the directions of `vectors` lie: 1 is healthy, 0 is collapsed.

    The standard deviation of every coordinate of the unit vectors over the batch, averaged over the coordinates
    and multiplied by `sqrt(dim)`, since vectors spread evenly over the sphere have `1 / sqrt(dim)` in each.

    Args:
        vectors: float tensor of shape `(batch, dim)`.

    Returns:
        A scalar tensor.

    Example:
    >>> float(normalized_std(tf.ones((8, 4))))
    0.0
    >>> round(float(normalized_std(tf.constant([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]))), 4)
    1.0

    Reference: [Chen and He, 2020](https://arxiv.org/abs/2011.10566), section 4.1.
    """
    unit = tf.math.l2_normalize(tf.cast(vectors, tf.float32), axis=-1)
    dim = tf.cast(tf.shape(unit)[-1], tf.float32)
    return tf.reduce_mean(tf.math.reduce_std(unit, axis=0)) * tf.sqrt(dim)
