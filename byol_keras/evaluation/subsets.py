"""Parts of a labelled set with the classes in proportion: a few labels, or a set held out."""

import warnings

import numpy as np

from .labelled import as_labels

__all__ = ["split_labelled", "subset"]


def subset(labels: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Sorted indices of `fraction` of the examples, the same share of every class and at least one of each.

    A warning says so where a class is too small for its share. With the same seed the smaller of two subsets is part
    of the larger.

    Args:
        labels: integer classes from 0 on, shape `(n,)`.
        fraction: share to take, in (0, 1].
        seed: int from 0 on, what is drawn depends on it. Default 0.

    Example:
    >>> labels = np.array([0, 1] * 50)
    >>> len(subset(labels, 0.1)), int(labels[subset(labels, 0.1)].sum())
    (10, 5)
    """
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"`fraction` must be in (0, 1]. Received: fraction={fraction}")
    classes = _shuffled_classes(as_labels(labels, "labels"), seed)
    counts = [round(fraction * len(indices)) for indices in classes]
    taken = [indices[: max(1, count)] for indices, count in zip(classes, counts, strict=True)]
    if 0 in counts:
        warnings.warn(
            f"`fraction`={fraction} of {counts.count(0)} of the {len(counts)} classes is less than half an example: "
            f"one of each is taken, {sum(map(len, taken))} examples in all.",
            stacklevel=2,
        )
    return np.sort(np.concatenate(taken))


def split_labelled(labels: np.ndarray, test_fraction: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of a training and a test part, for labelled data that has no test part of its own.

    Both have the classes in proportion. Of a class of two or more at least one example goes to either side; the only
    example of a class stays with the training part.

    Args:
        labels: integer classes from 0 on, shape `(n,)`; some class needs two examples.
        test_fraction: share of the test part, in (0, 1). Default 0.2.
        seed: int from 0 on, what is drawn depends on it. Default 0.

    Example:
    >>> train, test = split_labelled(np.array([0] * 10 + [1] * 5))
    >>> len(train), len(test)
    (12, 3)
    """
    if not 0.0 < test_fraction < 1.0:
        raise ValueError(f"`test_fraction` must be in (0, 1). Received: test_fraction={test_fraction}")
    classes = _shuffled_classes(as_labels(labels, "labels"), seed)
    counts = [min(max(1, round(test_fraction * len(indices))), len(indices) - 1) for indices in classes]
    if not any(counts):
        raise ValueError(
            "`labels` must hold some class twice, so that it can stand on both sides of the split. "
            f"Received: {len(classes)} classes of one example each"
        )
    test = np.concatenate([indices[:count] for indices, count in zip(classes, counts, strict=True)])
    train = np.concatenate([indices[count:] for indices, count in zip(classes, counts, strict=True)])
    return np.sort(train), np.sort(test)


def _shuffled_classes(labels: np.ndarray, seed: int) -> list[np.ndarray]:
    """The indices of each class in an order that depends on the seed, the class and nothing else."""
    order = np.argsort(labels, kind="stable")
    names, starts = np.unique(labels[order], return_index=True)
    parts = np.split(order, starts[1:])
    return [
        np.random.default_rng([seed, name]).permutation(part) for name, part in zip(names.tolist(), parts, strict=True)
    ]
