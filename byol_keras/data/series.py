"""From what a user types to series of numbers, each as long as it is."""

import os
from typing import Any

import numpy as np

from ..arguments import check_positive
from .numbers import open_arrays
from .rows import Rows
from .source import Source
from .tables import Table, is_table, read_table

__all__ = ["open_series", "series_length"]

MANY = "series"


def open_series(
    source: Any,
    *,
    split: str | None = None,
    labels: Any = None,
    label_key: str | None = None,
    labelled: bool = True,
    length: int | None = None,
) -> Source:
    """Opens series of numbers, all in memory as float32 of shape `(n, steps, channels)`.

    Series of different lengths are filled up at the end: with NaN in an array, with empty cells in a table. What is
    filled up comes out as steps of zeros, which is how the rest of the library knows padding. A step of zeros within
    a series is data.

    Args:
        source: an array `(n, steps)` or `(n, steps, channels)`, a pair of arrays (series, labels), or the path of an
            `.npz`, `.npy`, `.csv` or `.parquet` file, of tables with one series in each row; of an `.npz` file
            `@SPLIT` at the end names a part.
        split: of an `.npz` file, the same as an argument.
        labels: array of a class for each series. Default: what the source itself brings.
        label_key: column of a table that holds the classes. Default: one called label, class or target.
        labelled: whether a table without that column is refused. Default True.
        length: steps; what is longer is cut off at the end, what is shorter padded. Default: the longest series'.

    Example:
    >>> source = open_series(np.array([[1.0, 2.0, 3.0], [4.0, np.nan, np.nan]]))
    >>> source.read(1).ravel()
    array([4., 0., 0.], dtype=float32)
    """
    if isinstance(source, Source):
        return source
    if length is not None:
        check_positive(length=length)
    class_names = None
    if is_table(source):
        table = read_table(os.fspath(source), split)
        label, name = table.find_label(label_key, labelled), table.name
        values, found = _of_table(table, label), label and table.labels(label, required=label_key is not None)
    else:
        values, found, class_names, name = open_arrays(source, split, "series of numbers")
    if values.ndim not in (2, 3):
        raise ValueError(
            "`source` must hold series of shape (n, steps) or (n, steps, channels). "
            f"Received: {name} of shape {values.shape}"
        )
    values = _padded(values if values.ndim == 3 else values[..., None], name, length)
    classes = (found, class_names) if labels is None else (labels, None)
    return Rows(values, *classes, name, many=MANY)


def series_length(values: np.ndarray) -> np.ndarray:
    """How many steps each series has, the zeros at its end left out.

    Args:
        values: shape `(n, steps, channels)`.

    Example:
    >>> series_length(np.array([[[1.0], [0.0], [2.0]], [[3.0], [0.0], [0.0]], [[0.0], [0.0], [0.0]]]))
    array([3, 1, 0])
    """
    real = np.any(values != 0, axis=-1)
    return np.where(real.any(axis=1), real.shape[1] - np.argmax(real[:, ::-1], axis=1), 0)


def _of_table(table: Table, label: str | None) -> np.ndarray:
    remedy = ", one series in each row; `label_key` names the column of the classes"
    # Gaps: the end of a series that is shorter than others.
    return np.array([table.numbers(name, remedy, gaps=True) for name in table.columns if name != label]).T


def _padded(values: np.ndarray, name: str, length: int | None) -> np.ndarray:
    values = np.asarray(values, "float32")
    missing = np.isnan(values).all(axis=-1)
    # What comes after the last step that is there.
    padding = np.cumprod(missing[:, ::-1], axis=1)[:, ::-1].astype(bool)
    bad = ~np.isfinite(values).all(axis=-1) & ~padding
    gapped = np.flatnonzero(bad.any(axis=1))
    if len(gapped):
        raise ValueError(
            "`source` must have a finite number in every step of a series but those after its end: fill what is "
            f"missing. Received: {name}, of which series {gapped[0]} lacks step {np.argmax(bad[gapped[0]])} "
            f"({len(gapped)} of {len(values)} series have such gaps)"
        )
    values = np.where(padding[..., None], np.float32(0), values)[:, :length]
    empty = np.flatnonzero(series_length(values) == 0)
    if len(empty):
        raise ValueError(
            "`source` must hold series with at least one step that is not zero"
            f"{f' among the first {length}' if length else ''}. Received: {name}, of which series {empty[0]} has none "
            f"({len(empty)} such series)"
        )
    steps = length or int(series_length(values).max())
    values = values[:, :steps]
    return np.pad(values, [(0, 0), (0, steps - values.shape[1]), (0, 0)])
