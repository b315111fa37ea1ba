"""Accuracy of the nearest neighbours, the quickest judge of a representation."""

import numpy as np
import tensorflow as tf

__all__ = ["knn_accuracy"]


def knn_accuracy(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    query_labels: np.ndarray,
    k: int = 200,
    temperature: float = 0.1,
) -> float:
    """Share of queries whose class the `k` nearest of the bank guess right.

    Neighbours are found by cosine, and each votes for its class with the weight `exp(cosine / temperature)`.

    Args:
        bank: features with known labels, shape `(n, dim)`.
        bank_labels: integer classes from 0 on, shape `(n,)`.
        queries: features to judge, shape `(m, dim)`.
        query_labels: their true classes, shape `(m,)`.
        k: number of neighbours, cut to the size of the bank. Default 200.
        temperature: the smaller, the more the nearest count. Default 0.1.

    Example:
    >>> points = np.array([[1.0, 0.1], [1.0, -0.1], [-0.1, 1.0], [0.1, 1.0]])
    >>> knn_accuracy(points, np.array([0, 0, 1, 1]), np.array([[2.0, 0.0], [0.0, 3.0]]), np.array([0, 1]), k=2)
    1.0

    Reference: [Wu et al., 2018](https://arxiv.org/abs/1805.01978), section 3.4.
    """
    if k < 1 or temperature <= 0.0:
        raise ValueError(
            f"`k` must be at least 1 and `temperature` positive. Received: k={k}, temperature={temperature}"
        )
    labels = tf.constant(bank_labels, tf.int32)
    classes = int(np.max(bank_labels)) + 1
    bank = tf.math.l2_normalize(tf.cast(bank, tf.float32), axis=1)
    right = 0
    for start in range(0, len(queries), 1024):
        chunk = tf.math.l2_normalize(tf.cast(queries[start : start + 1024], tf.float32), axis=1)
        cosines, neighbours = tf.math.top_k(tf.matmul(chunk, bank, transpose_b=True), min(k, len(bank)))
        votes = tf.exp((cosines - cosines[:, :1]) / temperature)[..., None] * tf.one_hot(
            tf.gather(labels, neighbours), classes
        )
        guesses = tf.argmax(tf.reduce_sum(votes, axis=1), axis=1).numpy()
        right += int(np.sum(guesses == np.asarray(query_labels[start : start + 1024])))
    return right / len(queries)
