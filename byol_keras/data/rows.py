"""Examples that lie in memory, one row of an array each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .labels import numbered_labels
from .source import Broken, Source

__all__ = ["Rows"]


class Rows(Source):
    """The rows of an array: vectors, series, texts, waveforms. Numbers come as float32.

    Args:
        values: array with one example in each row.
        labels: array of a class for each: integers from 0 on (-1 where one is not known), or names. Default None.
        class_names: the names of the classes, where `labels` holds numbers. Default None.
        name: what the user typed. Default `"array"`.
        many: what several of these examples are called. Default `"rows"`.
        columns: the names of the columns, where they have any. Default none.
        categories: the words of each column that holds categories, by its number. Default none.

    Example:
    >>> rows = Rows(np.eye(3), ["cat", "dog", "cat"])
    >>> rows.read(1), rows.labels, rows.gather(np.array([2, 0])).shape
    (array([0., 1., 0.], dtype=float32), array([0, 1, 0]), (2, 3))
    """

    def __init__(
        self,
        values: np.ndarray,
        labels: Any = None,
        class_names: Sequence[str] | None = None,
        name: str = "array",
        many: str = "rows",
        columns: Sequence[str] = (),
        categories: dict[int, list[str]] | None = None,
    ) -> None:
        super().__init__(name, len(values), *numbered_labels(labels, len(values), name, class_names))
        self.values, self.many = values, many
        self.columns, self.categories = tuple(columns), categories or {}

    def read(self, index: int) -> np.ndarray:
        return _plain(self.values[index])

    def gather(self, indices: np.ndarray) -> np.ndarray:
        return _plain(self.values[indices])


def _plain(values: Any) -> Any:
    """Numbers as finite float32; texts as they are."""
    if np.asarray(values).dtype.kind not in "iufb":
        return values
    values = np.asarray(values, "float32")
    # Of arrays that lie on disk nobody has looked at all numbers before.
    if not np.isfinite(values).all():
        raise Broken("holds NaN or infinity")
    return values
