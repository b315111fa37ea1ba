"""How near the vectors of a file come to those of the encoder."""

from collections.abc import Mapping

import numpy as np

from ..evaluation import knn_predictions
from ..evaluation.labelled import as_labels, check_same_length

__all__ = ["Judge", "as_classes"]

_FOLDS = 5


class Judge:
    """Compares vectors with those of the encoder.

    Args:
        wanted: the encoder's vectors.
        labels: classes of the examples, or None.
        k: neighbours.
        temperature: of their votes.
    """

    def __init__(self, wanted: np.ndarray, labels: np.ndarray | None, k: int, temperature: float) -> None:
        self.wanted, self.labels, self.k, self.temperature = wanted, labels, k, temperature
        self.knn_before = self.knn(wanted)

    def knn(self, vectors: np.ndarray) -> float | None:
        """Accuracy of the nearest neighbours, None without labels; every example is asked about, others answer."""
        if self.labels is None:
            return None
        if not np.isfinite(vectors).all():
            return 0.0
        fold = np.random.default_rng(0).permutation(len(vectors)) % _FOLDS
        right = 0
        for part in range(_FOLDS):
            bank, queries = fold != part, fold == part
            found = knn_predictions(vectors[bank], self.labels[bank], vectors[queries], self.k, self.temperature)
            right += np.count_nonzero(found == self.labels[queries])
        return right / len(vectors)

    # Infinity less infinity is NaN, and told as such.
    @np.errstate(invalid="ignore")
    def difference(self, vectors: np.ndarray) -> float:
        """The largest one of any number, in proportion to the largest number."""
        return float(np.abs(vectors - self.wanted).max() / max(np.abs(self.wanted).max(), 1e-12))

    @np.errstate(invalid="ignore")
    def cosine(self, vectors: np.ndarray, centred: bool) -> float:
        """Mean similarity of an example's two vectors."""
        mean = self.wanted.mean(axis=0) if centred else 0.0
        ours, theirs = (part.astype("float64") - mean for part in (self.wanted, vectors))
        lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        return float(np.mean(np.sum(ours * theirs, axis=1) / np.maximum(lengths, 1e-12)))


def as_classes(labels: object, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Labels as one integer per example, enough of them for `Judge.knn`.

    Args:
        labels: classes from 0 on.
        inputs: the examples, by the names of the encoder's inputs.
    """
    labels = as_labels(labels, "labels")
    check_same_length(labels, next(iter(inputs.values())), "labels")
    if len(labels) < _FOLDS:
        raise ValueError(
            f"`labels` must be those of {_FOLDS} examples or more, since each fifth is asked about. "
            f"Received: {len(labels)} labels"
        )
    return labels
