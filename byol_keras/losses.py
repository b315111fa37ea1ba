"""What is minimised: one direction of a distance between predictions and targets.

A loss here takes two batches of vectors and returns one number per example; `BYOL` sums both directions and stops the
gradient of the target. `regression_loss` is the paper's. The others are for comparison: all pull the two views of an
example together, and only `InfoNCE` pushes different examples apart.

| name | loss | |
|---|---|---|
| `byol` | `regression_loss` | squared distance of unit vectors |
| `infonce` | `InfoNCE` | which of the batch's targets is mine? |
| `temperature` | `Temperature` | the same by similarity alone, without the others: `(1 - cos) / temperature` |
| `squared` | `squared_similarity` | `(cos - 1)^2 / 2` |
| `mse` | `mean_squared_error` | lengths count as well |
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from .arguments import did_you_mean
from .stepping import gathered

__all__ = ["NAMED", "InfoNCE", "Temperature", "mean_squared_error", "named", "regression_loss", "squared_similarity"]


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
    return 2.0 - 2.0 * _cosine(prediction, target)


@keras.saving.register_keras_serializable(package="byol_keras")
def squared_similarity(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Half the squared distance of the cosine from 1: `(cos(prediction, target) - 1)^2 / 2`.

    Its gradient fades as views agree, and is the strongest where they are opposite.

    Args:
        prediction: float tensor of shape `(batch, dim)`.
        target: float tensor of the same shape.

    Returns:
        A tensor of shape `(batch,)`.

    Example:
    >>> squared_similarity(tf.constant([[3.0, 0.0]]), tf.constant([[0.0, 5.0]])).numpy()
    array([0.5], dtype=float32)
    """
    return 0.5 * tf.square(_cosine(prediction, target) - 1.0)


@keras.saving.register_keras_serializable(package="byol_keras")
def mean_squared_error(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean squared difference of the numbers as they are, so that lengths count.

    Args:
        prediction: float tensor of shape `(batch, dim)`.
        target: float tensor of the same shape.

    Returns:
        A tensor of shape `(batch,)`.

    Example:
    >>> mean_squared_error(tf.constant([[3.0, 0.0]]), tf.constant([[0.0, 5.0]])).numpy()
    array([17.], dtype=float32)
    """
    return tf.reduce_mean(tf.math.squared_difference(prediction, target), axis=-1)


class _WithTemperature:
    """A loss that divides cosines by a temperature.

    Args:
        temperature: the smaller, the more similarities count. Default 0.1.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        if not temperature > 0.0:
            raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}")
        self.temperature = float(temperature)

    def get_config(self) -> dict[str, float]:
        return {"temperature": self.temperature}

    @classmethod
    def from_config(cls, config: dict[str, float]) -> "_WithTemperature":
        return cls(**config)


@keras.saving.register_keras_serializable(package="byol_keras")
class Temperature(_WithTemperature):
    """Distance by cosine over a temperature: `(1 - cos(prediction, target)) / temperature`.

    `regression_loss` times `1 / (2 * temperature)`: with LARS or Adam, which do not mind the scale of gradients, both
    train alike, and with SGD the temperature is a rate.

    Args:
        temperature: what the distance is divided by. Default 0.1.

    Example:
    >>> Temperature(0.5)(tf.constant([[3.0, 0.0]]), tf.constant([[0.0, 5.0]])).numpy()
    array([2.], dtype=float32)
    """

    def __call__(self, prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        return (1.0 - _cosine(prediction, target)) / self.temperature


@keras.saving.register_keras_serializable(package="byol_keras")
class InfoNCE(_WithTemperature):
    """Cross-entropy of similarities: of all targets in the batch, which one belongs to a prediction.

    The targets of other examples are the negatives. Under `tf.distribute` those of all replicas are, so that any
    number of replicas computes what one device would.

    Args:
        temperature: what cosines are divided by before the softmax. Default 0.1.

    Example:
    >>> vectors = tf.eye(4)
    >>> InfoNCE(1.0)(vectors, vectors).numpy().round(3)
    array([0.744, 0.744, 0.744, 0.744], dtype=float32)

    Reference: [van den Oord et al., 2018](https://arxiv.org/abs/1807.03748);
    [Chen et al., 2021](https://arxiv.org/abs/2104.02057) for a predictor and a momentum target beside it.
    """

    def __call__(self, prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        prediction = tf.math.l2_normalize(prediction, axis=-1)
        candidates = gathered(tf.math.l2_normalize(target, axis=-1))
        context, count = tf.distribute.get_replica_context(), tf.shape(target)[0]
        replica = 0 if context is None else context.replica_id_in_sync_group
        # The last batch of a validation may be shared unevenly.
        first = tf.reduce_sum(gathered(tf.reshape(count, [1]))[:replica])
        scores = tf.matmul(prediction, candidates, transpose_b=True) / self.temperature
        return tf.nn.sparse_softmax_cross_entropy_with_logits(first + tf.range(count), scores)


NAMED: dict[str, Callable[[], Callable]] = {
    "byol": lambda: regression_loss,
    "infonce": InfoNCE,
    "mse": lambda: mean_squared_error,
    "squared": lambda: squared_similarity,
    "temperature": Temperature,
}
"""What makes a loss, by its name."""


def named(name: str) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The loss of this name, with its defaults; the names are in the table at the top of this module.

    Example:
    >>> named("infonce").temperature
    0.1
    """
    if name not in NAMED:
        raise ValueError(
            f"`loss` must be one of {', '.join(NAMED)}.{did_you_mean(name, NAMED)} Received: loss={name!r}"
        )
    return NAMED[name]()


def _cosine(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    prediction = tf.math.l2_normalize(prediction, axis=-1)
    target = tf.math.l2_normalize(target, axis=-1)
    return tf.reduce_sum(prediction * target, axis=-1)
