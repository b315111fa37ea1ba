"""What was measured, as it is written to `evaluation.json`."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..version import __version__
from ..writing import write_text
from .intervals import interval

__all__ = ["Evaluation", "Row"]


@dataclass(frozen=True)
class Row:
    """One judge's word on one representation.

    Args:
        representation: what was judged, e.g. `"raw pixels"`, `"untrained"`, `"online"`.
        judge: who judged, e.g. `"knn"`, `"linear"`, `"linear 1%"`.
        accuracy: share of right answers.
        low: lower end of its 95% interval.
        high: upper end.
    """

    representation: str
    judge: str
    accuracy: float
    low: float
    high: float

    @classmethod
    def measured(cls, representation: str, judge: str, correct: np.ndarray) -> "Row":
        """The row of a test set, from which of the answers were right."""
        return cls(representation, judge, float(np.mean(correct)), *interval(correct))


@dataclass(frozen=True)
class Evaluation:
    """All rows of one evaluation, and what they were measured on.

    Args:
        rows: one per representation and judge, in the order of the table.
        train_examples: size of the bank, whose labels the judges learned from.
        test_examples: number of queries.
        classes: number of classes.
        class_names: their names, or None. Default None.
        data: what the user called the data. Default empty.
        k: neighbours of the kNN judge. Default 200.
        temperature: of the kNN judge. Default 0.1.

    Example:
    >>> row = Row.measured("online", "knn", np.array([True, True, False, True]))
    >>> Evaluation((row,), train_examples=10, test_examples=4, classes=2).rows[0].accuracy
    0.75
    """

    rows: tuple[Row, ...]
    train_examples: int
    test_examples: int
    classes: int
    class_names: tuple[str, ...] | None = None
    data: str = ""
    k: int = 200
    temperature: float = 0.1

    def plus(self, rows: Sequence[Row]) -> "Evaluation":
        """The same evaluation with further rows, such as those of fine-tuned networks."""
        return replace(self, rows=(*self.rows, *rows))

    def to_json(self) -> str:
        """The text of `evaluation.json`."""
        content = {
            "byol_keras": __version__,
            "data": self.data,
            "train_examples": self.train_examples,
            "test_examples": self.test_examples,
            "classes": self.classes,
            "class_names": self.class_names,
            "knn": {"k": self.k, "temperature": self.temperature},
            "rows": [asdict(row) for row in self.rows],
        }
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike) -> None:
        """Writes `to_json()` to `path`, which never holds half of it."""
        write_text(path, self.to_json())
