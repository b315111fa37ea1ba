"""Signs of collapse that need no labels, and what they say together."""

import numpy as np
import tensorflow as tf

from .directions import directions, pieces
from .labelled import as_features

__all__ = [
    "alignment",
    "effective_rank",
    "normalized_std",
    "representation_health",
    "uniformity",
]

_CELLS = 2**24  # similarities held at a time


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
    unit = directions(vectors)
    dim = tf.cast(tf.shape(unit)[-1], tf.float32)
    return tf.reduce_mean(tf.math.reduce_std(unit, axis=0)) * tf.sqrt(dim)


def effective_rank(features: tf.Tensor) -> tf.Tensor:
    """How many directions `features` really use (RankMe).

    ```
    exp(-sum_k p_k log p_k),    p_k = sigma_k / sum_j sigma_j
    ```

    with `sigma` the singular values of the matrix of features, which is not centred: 1 where all examples share one
    direction, `min(n, dim)` where every direction weighs the same. It depends on neither rotation nor scale.
    A few hundred examples more than `dim` make it independent of their number.

    Args:
        features: float tensor of shape `(n, dim)`.

    Returns:
        A scalar tensor.

    Example:
    >>> round(float(effective_rank(tf.eye(4))), 4), round(float(effective_rank(tf.ones((4, 3)))), 4)
    (4.0, 1.0)

    Reference: [Garrido et al., 2022](https://arxiv.org/abs/2210.02885).
    """
    features = tf.cast(features, tf.float64)
    wide = tf.shape(features)[0] < tf.shape(features)[1]
    # The smaller of the two Gram matrices has the same spectrum, at a fraction of a singular value decomposition.
    gram = tf.cond(
        wide,
        lambda: tf.matmul(features, features, transpose_b=True),
        lambda: tf.matmul(features, features, transpose_a=True),
    )
    singular = tf.sqrt(tf.maximum(tf.linalg.eigvalsh(gram), 0.0))
    shares = tf.math.divide_no_nan(singular, tf.reduce_sum(singular))
    return tf.cast(tf.exp(-tf.reduce_sum(tf.math.xlogy(shares, shares))), tf.float32)


def alignment(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """How far apart the two views of an example lie: the mean squared distance of unit vectors.

    0 where both views coincide, 2 where they have nothing to do with each other, 4 at most. It is 0 after a collapse
    as well: look at `uniformity` beside it.

    Args:
        first: float tensor of shape `(n, dim)`, from one view of every example.
        second: the same from the other view.

    Returns:
        A scalar tensor.

    Example:
    >>> float(alignment(tf.constant([[1.0, 0.0], [0.0, 2.0]]), tf.constant([[3.0, 0.0], [1.0, 0.0]])))
    1.0

    Reference: [Wang and Isola, 2020](https://arxiv.org/abs/2005.10242).
    """
    return tf.reduce_mean(tf.reduce_sum(tf.square(directions(first) - directions(second)), axis=-1))


def uniformity(features: tf.Tensor) -> tf.Tensor:
    """How evenly the directions of `features` cover the sphere: the lower the better, 0 is collapsed.

    ```
    log mean_{i < j} exp(-2 |u_i - u_j|^2)
    ```

    over all pairs of unit vectors `u`. Vectors spread evenly in many dimensions come to almost -4; nothing can
    lie below -8. Of many vectors the pairs are looked at piece by piece, which takes little memory.

    Args:
        features: float tensor of shape `(n, dim)`, at least two rows.

    Returns:
        A scalar tensor.

    Example:
    >>> float(uniformity(tf.ones((8, 4)))), float(uniformity(tf.constant([[1.0, 0.0], [-1.0, 0.0]])))
    (0.0, -8.0)

    Reference: [Wang and Isola, 2020](https://arxiv.org/abs/2005.10242).
    """
    unit = directions(features)
    # A batch of unknown size, inside of a graph, is one piece.
    known = unit.shape[0] or 1
    near = tf.add_n([_nearness(unit, part) for part in pieces(known, known, _CELLS)])
    count = tf.cast(tf.shape(unit)[0], tf.float32)
    return tf.math.log(near / (count * (count - 1.0)))


def _nearness(unit: tf.Tensor, part: slice) -> tf.Tensor:
    """The sum of `exp(-2 |u_i - u_j|^2)` over some of the vectors and all others; what is left out is `i = j`."""
    cosines = tf.matmul(unit[part], unit, transpose_b=True)
    return tf.reduce_sum(tf.linalg.set_diag(tf.exp(4.0 * cosines - 4.0), tf.zeros_like(cosines[:, 0]), k=part.start))


def representation_health(features: np.ndarray, pair: tuple[np.ndarray, np.ndarray] | None = None) -> dict[str, float]:
    """All signs of health at once, of a representation and, where given, of two views of the same examples.

    Args:
        features: shape `(n, dim)`, at least two rows, e.g. from `model.predict`.
        pair: the features of two views of the same examples, each of shape `(n, dim)`. Default None.

    Returns:
        `normalized_std`, `effective_rank`, `uniformity`, and with a pair `alignment`, as floats.

    Example:
    >>> health = representation_health(np.eye(4))
    >>> {name: round(value, 3) for name, value in health.items()}
    {'normalized_std': 0.866, 'effective_rank': 4.0, 'uniformity': -4.0}
    """
    health = {"normalized_std": normalized_std, "effective_rank": effective_rank, "uniformity": uniformity}
    features = _checked(features, "features")
    numbers = {name: measure(features) for name, measure in health.items()}
    if pair is not None:
        numbers["alignment"] = alignment(*_checked_pair(pair))
    return {name: float(number) for name, number in numbers.items()}


def _checked(features: np.ndarray, argument: str) -> np.ndarray:
    features = as_features(features, argument)
    if len(features) < 2:
        raise ValueError(f"`{argument}` must be two vectors or more. Received: {argument} of shape {features.shape}")
    return features


def _checked_pair(pair: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
    first, second = (_checked(features, "pair") for features in pair)
    if first.shape != second.shape:
        raise ValueError(f"`pair` must hold two arrays of one shape. Received: {first.shape} and {second.shape}")
    return [first, second]
