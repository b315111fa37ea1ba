"""Every judge's word on every representation."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from .labelled import as_features, as_labels, check_same_length
from .linear import linear_predictions
from .neighbours import knn_predictions
from .results import Evaluation, Row
from .subsets import subset

__all__ = ["JUDGES", "judge"]

JUDGES = ("knn", "linear", "linear 1%", "linear 10%")


def judge(
    representations: Mapping[str, tuple[np.ndarray, np.ndarray]],
    bank_labels: np.ndarray,
    query_labels: np.ndarray,
    judges: Sequence[str] = JUDGES,
    k: int = 200,
    temperature: float = 0.1,
    seed: int = 0,
    data: str = "",
    class_names: Sequence[str] | None = None,
) -> Evaluation:
    """Compares representations of the same examples, each accuracy with its 95% interval.

    Args:
        representations: by name, the features of the bank and those of the queries. Put `raw_pixels` and the
            `untrained` encoder beside the trained one: without them an accuracy says little.
        bank_labels: integer classes from 0 on, what the judges learn from.
        query_labels: the classes to guess.
        judges: `"knn"`, `"linear"`, or `"linear P%"`, which learns from P percent of the bank's labels (of which
            every representation gets the same ones). Default `"knn"`, `"linear"`, `"linear 1%"` and `"linear 10%"`.
        k: neighbours of `"knn"`. Default 200.
        temperature: of `"knn"`. Default 0.1.
        seed: int from 0 on, what the choice of few labels and of held-out ones depends on. Default 0.
        data: what the user calls the data. Default empty.
        class_names: names of the classes. Default None.

    Example:
    >>> labels = np.arange(40) % 2
    >>> good, bad = np.eye(2)[labels], np.ones((40, 2))
    >>> pairs = {"good": (good, good), "bad": (bad, bad)}
    >>> [row.accuracy for row in judge(pairs, labels, labels, judges=["knn"], k=5).rows]
    [1.0, 0.5]
    """
    labels, truth = as_labels(bank_labels, "bank_labels"), as_labels(query_labels, "query_labels")
    pairs = {name: _checked(pair, name, labels, truth) for name, pair in representations.items()}
    chosen = {name: _few(name, labels, seed) for name in judges}
    rows = [
        Row.measured(representation, name, _ask(name, bank[few], labels[few], queries, k, temperature, seed) == truth)
        for representation, (bank, queries) in pairs.items()
        for name, few in chosen.items()
    ]
    classes = len(np.union1d(labels, truth)) if class_names is None else len(class_names)
    names = None if class_names is None else tuple(class_names)
    return Evaluation(tuple(rows), len(labels), len(truth), classes, names, data, k, temperature)


def _checked(pair: tuple, name: str, labels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    bank, queries = (as_features(part, f"representations[{name!r}]") for part in pair)
    check_same_length(labels, bank, "bank_labels")
    check_same_length(truth, queries, "query_labels")
    return bank, queries


def _few(name: str, labels: np.ndarray, seed: int) -> np.ndarray | slice:
    """Which of the bank a judge may learn from."""
    if name in ("knn", "linear"):
        return slice(None)
    percent = re.fullmatch(r"linear (\d+(?:\.\d+)?)%", name)
    if percent is None or not 0.0 < float(percent[1]) <= 100.0:
        raise ValueError(f"`judges` must be 'knn', 'linear' or 'linear P%' of up to 100 percent. Received: {name!r}")
    return subset(labels, float(percent[1]) / 100.0, seed)


def _ask(
    name: str, bank: np.ndarray, labels: np.ndarray, queries: np.ndarray, k: int, temperature: float, seed: int
) -> np.ndarray:
    if name == "knn":
        return knn_predictions(bank, labels, queries, k, temperature)
    return linear_predictions(bank, labels, queries, seed=seed)
