"""How far a representation can be shortened, and what that costs."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..version import __version__
from ..writing import write_text
from .labelled import as_features, check_same_width
from .neighbours import knn_accuracy
from .principal import PrincipalComponents

__all__ = ["Compression", "CompressionRow", "compression_curve"]


@dataclass(frozen=True)
class CompressionRow:
    """What so many principal components keep of a representation.

    Args:
        components: how many.
        variance: share of the bank's variance that they keep, in [0, 1].
        error: squared distance of the queries from what the components say of them, as a share of their squared
            distance from the bank's mean.
        accuracy: share of right answers of the nearest neighbours; None without labels.
        bytes: per example, in float32.
    """

    components: int
    variance: float
    error: float
    accuracy: float | None
    bytes: int


@dataclass(frozen=True)
class Compression:
    """All rows of one curve, and what they were measured on.

    Args:
        rows: by number of components.
        width: features of a vector as it came.
        bank_examples: number of vectors that the components were fitted to.
        query_examples: number of vectors that they were tried on.
        k: neighbours of the kNN judge.
        temperature: of the kNN judge.
    """

    rows: tuple[CompressionRow, ...]
    width: int
    bank_examples: int
    query_examples: int
    k: int = 200
    temperature: float = 0.1

    def to_json(self) -> str:
        """The text of `compression.json`, which the report of a run shows."""
        content = {
            "byol_keras": __version__,
            "width": self.width,
            "bank_examples": self.bank_examples,
            "query_examples": self.query_examples,
            "knn": {"k": self.k, "temperature": self.temperature},
            "rows": [asdict(row) for row in self.rows],
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike) -> None:
        """Writes `to_json()` to `path`, which never holds half of it."""
        write_text(path, self.to_json())


def compression_curve(
    bank: np.ndarray,
    bank_labels: np.ndarray | None,
    queries: np.ndarray,
    query_labels: np.ndarray | None,
    components: Sequence[int] | None = None,
    k: int = 200,
    temperature: float = 0.1,
) -> Compression:
    """What is left of a representation that keeps its first principal components only.

    The components are those of the bank, found once; the queries have no part in them. With all components the
    vectors are the old ones, turned and centred.

    Args:
        bank: features that the components are fitted to and neighbours are looked for in, shape `(n, width)`.
        bank_labels: their classes, integers from 0 on. None: no accuracy.
        queries: features held out, shape `(m, width)`.
        query_labels: their classes. None: no accuracy.
        components: numbers of components to try, at most `n` and `width`. Default None: the powers of two, and all.
        k: neighbours of the kNN judge, as in `knn_accuracy`. Default 200.
        temperature: of the kNN judge. Default 0.1.

    Example:
    >>> bank = np.array([[4.0, 1.0], [-4.0, 1.0], [4.0, -1.0], [-4.0, -1.0]])
    >>> labels = np.array([0, 1, 0, 1])
    >>> curve = compression_curve(bank, labels, np.array([[2.0, 1.0], [-2.0, 1.0]]), np.array([0, 1]), k=2)
    >>> [(row.components, round(row.variance, 3), round(row.error, 3), row.accuracy) for row in curve.rows]
    [(1, 0.941, 0.2, 1.0), (2, 1.0, 0.0, 1.0)]
    """
    bank, queries = as_features(bank, "bank"), as_features(queries, "queries")
    check_same_width(bank, queries)
    sizes = _sizes(components, min(bank.shape))
    judged = _are_given(bank_labels, query_labels)
    found = PrincipalComponents(bank, limit=sizes[-1])
    kept, errors = found.kept(), _errors(found, queries)
    turned_bank, turned = found(bank), found(queries)

    def judge(size: int) -> float:
        return knn_accuracy(turned_bank[:, :size], bank_labels, turned[:, :size], query_labels, k, temperature)

    rows = []
    for size in sizes:
        accuracy = judge(size) if judged else None
        rows.append(CompressionRow(size, float(kept[size - 1]), float(errors[size - 1]), accuracy, 4 * size))
    return Compression(tuple(rows), bank.shape[1], len(bank), len(queries), k, temperature)


def _sizes(components: Sequence[int] | None, most: int) -> list[int]:
    if components is None:
        return [*(2**power for power in range(most.bit_length()) if 2**power < most), most]
    sizes = sorted({int(size) for size in components})
    if not sizes or not 1 <= sizes[0] <= sizes[-1] <= most:
        raise ValueError(
            f"`components` must be numbers from 1 to {most}, at least one. Received: components={tuple(components)}"
        )
    return sizes


def _are_given(bank_labels: object, query_labels: object) -> bool:
    if (bank_labels is None) != (query_labels is None):
        missing = "bank_labels" if bank_labels is None else "query_labels"
        raise ValueError(f"`bank_labels` and `query_labels` must be given both, or neither. Received: {missing}=None")
    return bank_labels is not None


def _errors(found: PrincipalComponents, queries: np.ndarray, rows: int = 4096) -> np.ndarray:
    """For each number of components, the share of the queries' squared distance from the mean that it misses."""
    count = len(found.directions)
    along, beside = np.zeros(count), 0.0
    for start in range(0, len(queries), rows):
        centred = queries[start : start + rows] - found.mean
        coordinates = centred @ found.directions.T
        along += np.sum(coordinates**2, axis=0)
        beside += np.sum((centred - coordinates @ found.directions) ** 2)
    # Added from the end: a difference of two large sums would not be small where nothing is missed.
    missed = beside + np.append(np.cumsum(along[::-1])[::-1][1:], 0.0)
    total = beside + along.sum()
    return missed / total if total else np.zeros(count)
