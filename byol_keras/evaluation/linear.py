"""What a linear classifier makes of a representation, the judge that papers report."""

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .labelled import as_features, as_labels, check_same_length, check_same_width
from .subsets import split_labelled

__all__ = ["STRENGTHS", "LinearClassifier", "fit_linear", "linear_predictions", "linear_probe"]

STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)

# Weak regularisation converges slowly and for nothing: the accuracy has settled long before.
_ITERATIONS = 100

# Fewer answers than these would choose a strength by chance: small banks are split up to five times.
_ANSWERS = 1000
_SPLITS = 5

# Weaker strengths, the slowest of all, are left out after so many in a row did worse than the best.
_PATIENCE = 2
_LUCK = 3

# Values of a bank below which threads spend more time on waiting for each other than they save.
_ONE_THREAD = 2**26


@dataclass(frozen=True)
class LinearClassifier:
    """Softmax regression on features, `logits = features @ kernel + bias`.

    Args:
        kernel: float32 of shape `(features, classes)`, for features as they come.
        bias: float32 of shape `(classes,)`.
        classes: the label of each column, sorted.
        strength: the L2 strength that it was fitted with.
    """

    kernel: np.ndarray
    bias: np.ndarray
    classes: np.ndarray
    strength: float

    def predict(self, queries: np.ndarray) -> np.ndarray:
        """The likeliest class of each query."""
        return self.classes[np.argmax(queries @ self.kernel + self.bias, axis=1)]


def linear_probe(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    query_labels: np.ndarray,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> float:
    """Share of queries that a linear classifier fitted on the bank gets right.

    Features are standardised by the bank's statistics, then softmax regression is fitted by L-BFGS:

    ```
    minimise  mean cross-entropy + strength / 2 * |kernel|^2
    ```

    The strength is the one with the best accuracy on a fifth of the bank that is held out (the stronger of equals; of
    a bank of under 5,000, several fifths are tried until there are 1,000 answers, five at most). With it, the
    classifier is fitted again to the whole bank. Queries play no part in the choice. A bank without two examples of
    any class can't hold anything out, and takes the middle of `strengths`.

    Args:
        bank: features with known labels, shape `(n, dim)`.
        bank_labels: integer classes from 0 on, at least two different ones, shape `(n,)`.
        queries: features to judge, shape `(m, dim)`.
        query_labels: their true classes, shape `(m,)`.
        strengths: positive L2 strengths to choose from. Default eleven of them from 3 to 1e-5.
        seed: int from 0 on, what is held out depends on it. Default 0.

    Example:
    >>> generator = np.random.default_rng(0)
    >>> labels = np.arange(60) % 3
    >>> points = np.eye(3)[labels] + generator.normal(0, 0.1, (60, 3))
    >>> linear_probe(points[:30], labels[:30], points[30:], labels[30:])
    1.0
    """
    truth = as_labels(query_labels, "query_labels")
    check_same_length(truth, queries, "query_labels")
    return float(np.mean(linear_predictions(bank, bank_labels, queries, strengths, seed) == truth))


def linear_predictions(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> np.ndarray:
    """What the classifier of `linear_probe` says of each query, int64 of shape `(m,)`."""
    queries = as_features(queries, "queries")
    check_same_width(as_features(bank, "bank"), queries)
    return fit_linear(bank, bank_labels, strengths, seed).predict(queries)


def fit_linear(
    bank: np.ndarray, bank_labels: np.ndarray, strengths: Sequence[float] = STRENGTHS, seed: int = 0
) -> LinearClassifier:
    """The classifier of `linear_probe`, fitted to the whole bank."""
    bank, labels = as_features(bank, "bank"), as_labels(bank_labels, "bank_labels")
    check_same_length(labels, bank, "bank_labels")
    strengths = _sorted(strengths)
    if labels.min() == labels.max():
        raise ValueError(f"`bank_labels` must hold two classes or more. Received: only class {labels[0]}")
    mean, scale = _statistics(bank)
    with _threads(bank.size):
        basis, coordinates = _compressed((bank - mean) / scale)
        strength = _choose(coordinates, labels, strengths, seed)
        fitted = next(_path(coordinates, labels, [strength]))
    kernel = (basis @ fitted.kernel) / scale[:, None]
    return LinearClassifier(kernel, fitted.bias - mean @ kernel, fitted.classes, strength)


def _sorted(strengths: Sequence[float]) -> list[float]:
    if not len(strengths) or not all(strength > 0.0 for strength in strengths):
        raise ValueError(f"`strengths` must be positive numbers, at least one. Received: strengths={strengths}")
    return sorted(map(float, strengths), reverse=True)


def _threads(values: int) -> contextlib.AbstractContextManager:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1 if values < _ONE_THREAD else None)


def _statistics(bank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = bank.mean(axis=0, dtype="float64"), bank.std(axis=0, dtype="float64")
    # A constant feature has no scale: rounding errors must not be blown up to one.
    constant = deviation <= 1e-6 * np.abs(mean)
    return mean.astype("float32"), np.where(constant, 1.0, deviation).astype("float32")


def _compressed(standard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A basis of what the examples span, and their coordinates in it: the same problem in fewer dimensions."""
    if len(standard) >= standard.shape[1]:
        return np.eye(standard.shape[1], dtype="float32"), standard
    basis, triangle = np.linalg.qr(standard.T)
    return basis, triangle.T


def _choose(bank: np.ndarray, labels: np.ndarray, strengths: list[float], seed: int) -> float:
    if np.unique(labels, return_counts=True)[1].max() < 2 or len(strengths) == 1:
        return strengths[len(strengths) // 2]
    splits = min(_SPLITS, math.ceil(5 * _ANSWERS / len(labels)))
    scores = [_held_out_scores(bank, labels, strengths, seed + split) for split in range(splits)]
    first, best, chosen, falling = None, -1, strengths[0], 0
    for strength, parts in zip(strengths, zip(*scores, strict=True), strict=False):
        score = sum(parts)
        first = score if first is None else first
        # At the strong end scores move by luck alone: they have to rise by more than that before a fall means anything.
        falling = falling + 1 if score < best and best > first + _LUCK * math.sqrt(first) else 0
        if score > best:
            best, chosen = score, strength
        if falling == _PATIENCE:
            break
    return chosen


def _held_out_scores(bank: np.ndarray, labels: np.ndarray, strengths: list[float], seed: int) -> Iterator[int]:
    kept, held = split_labelled(labels, test_fraction=0.2, seed=seed)
    for classifier in _path(bank[kept], labels[kept], strengths):
        yield np.count_nonzero(classifier.predict(bank[held]) == labels[held])


def _path(bank: np.ndarray, labels: np.ndarray, strengths: list[float]) -> Iterator[LinearClassifier]:
    """Classifiers of one strength after another, each starting where the last one ended."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=_ITERATIONS, warm_start=True)
    for strength in strengths:
        model.C = 1.0 / (strength * len(bank))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(bank, labels)
        yield LinearClassifier(*_two_columns(model.coef_.T, model.intercept_), model.classes_, strength)


def _two_columns(kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of two classes scikit-learn keeps the second's logits only: the first's are zero."""
    if kernel.shape[1] > 1:
        return kernel.astype("float32"), bias.astype("float32")
    return np.pad(kernel, ((0, 0), (1, 0))).astype("float32"), np.pad(bias, (1, 0)).astype("float32")
