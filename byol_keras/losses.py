"""What BYOL minimises: one direction of the distance between a prediction and a target.

A loss here takes two batches of vectors and returns one number per example; `BYOL` sums both directions.
"""

import keras
import tensorflow as tf

__all__ = ["regression_loss"]


@keras.saving.register_keras_serializable(package="byol_keras")
def regression_loss(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Squared distance of the two unit vectors: `2 - 2 * cos(prediction, target)`.

    0 for vectors that point the same way, 2 for orthogonal ones, 4 for opposite ones; lengths do not matter.

    Args:
        prediction: float tensor of shape `(batch, dim)`.
        target: float tensor of the same shape. `BYOL` stops its gradient.

    Returns:
        A tensor of shape `(batch,)`.

    Example:
    >>> regression_loss(tf.constant([[3.0, 0.0]]), tf.constant([[0.0, 5.0]])).numpy()
    array([2.], dtype=float32)

    Reference: [Grill et al., 2020](https://arxiv.org/abs/2006.07733), equation 2.
    """
    prediction = tf.math.l2_normalize(prediction, axis=-1)
    target = tf.math.l2_normalize(target, axis=-1)
    return 2.0 - 2.0 * tf.reduce_sum(prediction * target, axis=-1)
