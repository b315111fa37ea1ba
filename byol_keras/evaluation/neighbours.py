"""Accuracy of the nearest neighbours, the quickest judge of a representation."""

import numpy as np
import tensorflow as tf

from ..arguments import check_positive
from .directions import directions, pieces
from .labelled import as_features, as_labels, check_same_length, check_same_width

__all__ = ["knn_accuracy", "knn_predictions"]

# Similarities held at a time, 64 MiB of float32: small enough for the processor, large enough for its cores.
_CELLS = 2**24


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
    truth = as_labels(query_labels, "query_labels")
    check_same_length(truth, queries, "query_labels")
    return float(np.mean(knn_predictions(bank, bank_labels, queries, k, temperature) == truth))


def knn_predictions(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    k: int = 200,
    temperature: float = 0.1,
) -> np.ndarray:
    """The class that the `k` nearest of the bank guess for each query, int64 of shape `(m,)`.

    Of equally near neighbours the earlier in the bank comes first, of equal votes the smaller class wins.
    The arguments are those of `knn_accuracy`.

    Example:
    >>> knn_predictions(np.eye(2), np.array([7, 3]), np.array([[0.1, 2.0], [3.0, 0.0]]), k=1).tolist()
    [3, 7]
    """
    check_positive(k=k)
    if not temperature > 0.0:
        raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}")
    bank, queries = as_features(bank, "bank"), as_features(queries, "queries")
    labels = as_labels(bank_labels, "bank_labels")
    check_same_length(labels, bank, "bank_labels")
    check_same_width(bank, queries)
    bank = directions(bank)
    classes, numbers = np.unique(labels, return_inverse=True)
    parts = pieces(len(queries), len(labels), _CELLS)
    votes = [_vote(bank, numbers, queries[part], min(k, len(labels)), temperature) for part in parts]
    return classes[np.concatenate(votes)]


def _vote(bank: tf.Tensor, labels: np.ndarray, queries: np.ndarray, k: int, temperature: float) -> np.ndarray:
    """The class of each query, where all numbers from 0 to the largest of `labels` are classes."""
    similarities = tf.matmul(directions(queries), bank, transpose_b=True)
    cosines, neighbours = (part.numpy() for part in tf.math.top_k(similarities, k))
    # The nearest counts 1, whatever the temperature: nothing overflows, and not every vote can vanish.
    weights = np.exp((cosines - cosines[:, :1]).astype("float64") / temperature)
    classes = int(labels.max()) + 1
    boxes = labels[neighbours] + classes * np.arange(len(queries))[:, None]
    votes = np.bincount(boxes.ravel(), weights.ravel(), minlength=classes * len(queries))
    return votes.reshape(len(queries), classes).argmax(axis=1)
