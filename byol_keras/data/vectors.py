"""From what a user types to rows of numbers."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .numbers import open_arrays
from .rows import Rows
from .source import Source
from .tables import Table, is_table, read_table

__all__ = ["open_vectors"]


def open_vectors(
    source: Any,
    *,
    split: str | None = None,
    labels: Any = None,
    label_key: str | None = None,
    labelled: bool = True,
    columns: Sequence[str] | None = None,
    categorical: Sequence[str] | Mapping[str, Sequence[str]] = (),
) -> Source:
    """Opens rows of numbers, all in memory as float32 (an `.npy` file stays on disk).

    Args:
        source: an array `(n, columns)`, a pair of arrays (rows, labels), or the path of a `.csv`, `.parquet`, `.npy` or
            `.npz` file; of the last `@SPLIT` at the end names a part. Arrays of more dimensions are made flat.
        split: of an `.npz` file, the same as an argument.
        labels: array of a class for each row. Default: what the source itself brings.
        label_key: column of a table that holds the classes. Default: one called label, class or target.
        labelled: whether a table without that column is refused. Default True.
        columns: columns of a table to take. Default: all but that of the classes.
        categorical: columns that hold categories: they become numbers from 0 on. A mapping gives each column its words,
            of which others are -1; without, they are those that it holds, in alphabetical order. Columns of an array
            are named by their numbers, from 0 on, and hold numbers already.

    Example:
    >>> rows = open_vectors((np.eye(3), [0, 1, 1]))
    >>> rows.read(2), rows.labels
    (array([0., 0., 1.], dtype=float32), array([0, 1, 1]))
    """
    if isinstance(source, Source):
        return source
    if is_table(source):
        table = read_table(os.fspath(source), split)
        label = table.find_label(label_key, labelled)
        if labels is None and label is not None:
            labels = table.labels(label, required=label_key is not None)
        return _rows(table, labels, label, columns, categorical)
    values, found, class_names, name = open_arrays(source, split, "rows of numbers")
    flat = values if values.ndim == 2 else values.reshape(len(values), -1)
    classes = (found, class_names) if labels is None else (labels, None)
    return Rows(_checked(flat, name), *classes, name, categories=_of_array(flat, categorical))


def _rows(table: Table, labels: Any, label: str | None, columns: Sequence[str] | None, categorical: Any) -> Rows:
    names = [name for name in table.columns if name != label] if columns is None else list(columns)
    table.check(names, "columns")
    table.check(list(categorical), "categorical")
    if not names:
        raise ValueError(f"`columns` must name at least one. Received: {table.name} without a column beside {label!r}")
    parts, categories = [], {}
    for number, name in enumerate(names):
        if name in categorical:
            words = categorical[name] if isinstance(categorical, Mapping) else None
            values, categories[number] = table.categories(name, words)
        else:
            remedy = (
                ": name a column of words in `categorical`, the classes in `label_key`, or leave it out of `columns`"
            )
            values = table.numbers(name, remedy).astype("float32")
        parts.append(values)
    return Rows(np.stack(parts, axis=1), labels, name=table.name, columns=names, categories=categories)


def _of_array(values: np.ndarray, categorical: Any) -> dict[int, list[str]]:
    """Of columns that hold numbers of categories already, as many words as there are numbers."""
    found = {}
    for name in categorical:
        if not str(name).isdecimal() or int(name) >= values.shape[1]:
            raise ValueError(
                f"`categorical` must be numbers of columns, from 0 to {values.shape[1] - 1}. Received: {name!r}"
            )
        known = categorical[name] if isinstance(categorical, Mapping) else None
        found[int(name)] = known or [str(number) for number in range(int(values[:, int(name)].max()) + 1)]
    return found


def _checked(values: np.ndarray, name: str) -> np.ndarray:
    # An array that lies on disk is not read for this: there such rows are skipped when they are met.
    if not isinstance(values, np.memmap):
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            raise ValueError(
                "`source` must have a finite number in every column: fill what is missing, or leave the row out. "
                f"Received: {name} with {len(bad)} rows that have none, the first of them number {bad[0]}"
            )
    return values
