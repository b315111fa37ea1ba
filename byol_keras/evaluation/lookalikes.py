"""How well look-alikes are found, and the same told from the different."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_positive
from .directions import directions, pieces
from .labelled import as_features, as_labels, check_same_length

__all__ = ["Pairs", "Retrieval", "retrieval", "same_or_different"]

_CELLS = 2**22  # similarities held at a time


class Retrieval(NamedTuple):
    """What a search for look-alikes finds.

    Args:
        mean_average_precision: mean over queries of the precision at each of their hits.
        recall: by k, the share of queries with a hit among the k nearest.
        queries: number of queries: examples whose class has another member.
    """

    mean_average_precision: float
    recall: dict[int, float]
    queries: int


class Pairs(NamedTuple):
    """How well the cosine of two features tells whether they are of one class.

    Args:
        accuracy: share of pairs judged right, at the threshold that was best for other pairs.
        area: under the ROC curve: how often a pair of one class is more similar than a pair of two. 0.5 is chance.
        threshold: cosine from which on two are taken to be of one class.
    """

    accuracy: float
    area: float
    threshold: float


def retrieval(features: np.ndarray, labels: np.ndarray, ks: tuple[int, ...] = (1, 5, 10)) -> Retrieval:
    """Searches for every example among all others, by cosine; those of its class are hits.

    Args:
        features: shape `(n, dim)`.
        labels: integer classes from 0 on, shape `(n,)`.
        ks: where to look at recall. Default (1, 5, 10).

    Example:
    >>> points = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [1.0, 0.3]])
    >>> found = retrieval(points, np.array([0, 0, 1, 1]), ks=(1, 2))
    >>> round(found.mean_average_precision, 3), found.recall
    (0.833, {1: 0.75, 2: 0.75})
    """
    check_positive(**{f"ks[{i}]": k for i, k in enumerate(ks)})
    unit, labels = _directions(features), as_labels(labels, "labels")
    check_same_length(labels, unit, "labels")
    _check_pairs(labels)
    found = [_search(unit, labels, part) for part in pieces(len(labels), len(labels), _CELLS)]
    average, first = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Retrieval(float(average.mean()), {k: float((first < k).mean()) for k in ks}, len(first))


def same_or_different(features: np.ndarray, labels: np.ndarray, pairs: int = 10_000, seed: int = 0) -> Pairs:
    """Draws pairs, half of them of one class, and judges them by cosine.

    The threshold is the best for one half of the pairs and is tried on the other.

    Args:
        features: shape `(n, dim)`.
        labels: integer classes from 0 on, shape `(n,)`.
        pairs: how many to draw, at least 4. Default 10,000.
        seed: what the draw depends on. Default 0.

    Example:
    >>> points = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> judged = same_or_different(points, np.array([0, 0, 1, 1]), pairs=100)
    >>> judged.accuracy, judged.area
    (1.0, 1.0)
    """
    unit, labels = _directions(features), as_labels(labels, "labels")
    check_same_length(labels, unit, "labels")
    _check_pairs(labels)
    if pairs < 4:
        raise ValueError(f"`pairs` must be at least 4. Received: pairs={pairs}")
    generator = np.random.default_rng(seed)
    same = _cosines(unit, *_same(labels, pairs // 2, generator))
    different = _cosines(unit, *_different(labels, pairs // 2, generator))
    half = len(same) // 2
    threshold = _best_threshold(same[:half], different[:half])
    right = np.concatenate([same[half:] >= threshold, different[half:] < threshold])
    return Pairs(float(right.mean()), _area(same, different), float(threshold))


def _directions(features: np.ndarray) -> np.ndarray:
    return directions(as_features(features, "features")).numpy()


def _check_pairs(labels: np.ndarray) -> None:
    if len(np.unique(labels)) == len(labels):
        raise ValueError("`labels` must hold two examples of a class. Received: no class with more than one")


def _search(unit: np.ndarray, labels: np.ndarray, part: slice) -> tuple[np.ndarray, np.ndarray]:
    """Average precision, and the place of the first hit, of each query in `part` that has a hit."""
    cosines = unit[part] @ unit.T
    mine = np.arange(len(cosines))
    cosines[mine, part.start + mine] = -np.inf
    others = np.argsort(-cosines, axis=1, kind="stable")[:, :-1]
    hits = labels[others] == labels[part, None]
    hits = hits[hits.any(axis=1)]
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return (precision * hits).sum(axis=1) / hits.sum(axis=1), hits.argmax(axis=1)


def _same(labels: np.ndarray, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    _, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    order, starts = np.argsort(labels, kind="stable"), np.cumsum(sizes) - sizes
    first = generator.choice(np.flatnonzero(sizes[labels] > 1), count)
    rank = np.empty(len(labels), int)
    rank[order] = np.arange(len(labels)) - starts[labels[order]]
    size = sizes[labels[first]]
    other = (rank[first] + generator.integers(1, size)) % size
    return first, order[starts[labels[first]] + other]


def _different(labels: np.ndarray, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    classes, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"`labels` must hold two classes or more. Received: class {classes[0]} only")
    order, starts = np.argsort(labels, kind="stable"), np.cumsum(sizes) - sizes
    first = generator.integers(0, len(labels), count)
    size, start = sizes[labels[first]], starts[labels[first]]
    # Sorted by class, the others are all that does not lie in the stretch of its own.
    other = generator.integers(0, len(labels) - size)
    return first, order[np.where(other < start, other, other + size)]


def _cosines(unit: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.sum(unit[first] * unit[second], axis=1)


def _best_threshold(same: np.ndarray, different: np.ndarray) -> float:
    candidates = np.sort(np.concatenate([same, different]))
    below = np.searchsorted(np.sort(different), candidates) + len(same) - np.searchsorted(np.sort(same), candidates)
    return float(candidates[np.argmax(below)])


def _area(same: np.ndarray, different: np.ndarray) -> float:
    different = np.sort(different)
    wins = np.searchsorted(different, same, "left") + np.searchsorted(different, same, "right")
    return float(wins.mean() / (2 * len(different)))
