"""Where the classes of pictures come from: arrays, sub-folders, or a table in a CSV file."""

import csv
import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from .source import Source
from .tables import as_classes, read_rows

__all__ = ["labels_from_csv", "labels_from_folders", "labels_where_known", "matched_labels", "numbered_labels"]

Labels = tuple[np.ndarray | None, tuple[str, ...] | None]


def numbered_labels(labels: Any, length: int, name: str, class_names: Sequence[str] | None = None) -> Labels:
    """Labels as int64 from 0 on, and the names of the classes: the labels themselves, or those that belong to numbers.

    A negative label is the custom for "unknown": it becomes -1, as do None and NaN among objects. A set of nothing else
    counts as unlabelled.

    Args:
        labels: integers or names.
        length: how many there must be.
        name: of the source.
        class_names: what the numbers mean. Default None: nothing is known of that.
    """
    if labels is None:
        return None, class_names
    if isinstance(labels, str | os.PathLike):
        raise ValueError(f"`labels` must be an array where data is no folder of files. Received: labels={labels!r}")
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype == object and labels.shape == (length,):
        numbers, found = labels_where_known(labels.tolist(), name)
    else:
        numbers, found = _of_one_type(labels, length, name)
    if found is not None or numbers is None or class_names is None:
        return numbers, found or class_names
    if numbers.max() >= len(class_names):
        raise ValueError(
            f"`labels` must be numbers of the {len(class_names)} classes that have names, from 0 on. "
            f"Received: {name} with a label of {numbers.max()}"
        )
    return numbers, class_names


def _of_one_type(labels: np.ndarray, length: int, name: str) -> Labels:
    if labels.shape != (length,) or labels.dtype.kind not in "iuUS":
        raise ValueError(
            f"`labels` must be {length} integers or names, one for each example. Received: labels of shape "
            f"{labels.shape} and type {labels.dtype} in {name}"
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, errors="backslashreplace")
    if labels.dtype.kind == "U":
        return _numbered(labels.tolist())
    labels = np.maximum(labels.astype("int64"), -1)
    return (None, None) if (labels < 0).all() else (labels, None)


def labels_where_known(labels: Sequence, name: str) -> Labels:
    """The same of a list with None or NaN where a label is missing, which becomes -1.

    Example:
    >>> labels_where_known([b"dog", None, b"cat"], "pets")
    (array([ 1, -1,  0]), ('cat', 'dog'))
    """
    known = [index for index, label in enumerate(labels) if not _is_missing(label)]
    if not known:
        return None, None
    numbers, names = _of_one_type(np.array([labels[index] for index in known]), len(known), name)
    if numbers is None:
        return None, None
    found = np.full(len(labels), -1, "int64")
    found[known] = numbers
    return found, names


def _is_missing(label: object) -> bool:
    return label is None or (isinstance(label, float) and math.isnan(label))


def _numbered(texts: Sequence[str], known: Iterable[str] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    names = sorted({*texts, *known})
    numbers = {name: number for number, name in enumerate(names)}
    return np.fromiter((numbers[text] for text in texts), "int64", len(texts)), tuple(names)


def labels_from_folders(paths: Sequence[str], known: Iterable[str] = ()) -> Labels:
    """Labels from the first folder of each path, if every picture lies in one and there are at least two.

    Args:
        paths: relative paths of pictures.
        known: further classes, which no picture here need have: those of the sister folders of a split.

    Example:
    >>> labels_from_folders(["dog/1.png", "cat/1.png"])
    (array([1, 0]), ('cat', 'dog'))
    """
    if not all("/" in path for path in paths):
        return None, None
    labels, names = _numbered([path.split("/", 1)[0] for path in paths], known)
    return (labels, names) if len(names) > 1 else (None, None)


def labels_from_csv(file: str, folder: str, paths: Sequence[str], find: Callable[[str], list[str]]) -> Labels:
    """Labels from a table: a picture's path (or its name, or that without suffix) and its class, name or integer.

    A first line whose first cell can't be a picture is a header; further columns are ignored, and so are pictures of
    the folder that are not among those wanted. A class that is left empty, or below zero, is not known.

    Args:
        file: path of the table, from here or from `folder`.
        folder: what the paths in the table start from.
        paths: of the pictures wanted.
        find: finds the paths of all there are in a folder.
    """
    rows = _rows(file if tf.io.gfile.exists(file) else f"{folder}/{file}", file)
    numbers = _lookup(paths)
    if rows and rows[0][0] not in numbers and not os.path.splitext(rows[0][0])[1]:
        rows = rows[1:]
    if any(key not in numbers for key, _ in rows):
        others = _lookup(find(folder)).keys() - numbers.keys()
        rows = [row for row in rows if row[0] not in others]
    unknown = [key for key, _ in rows if numbers.get(key, -1) < 0]
    if unknown:
        raise ValueError(
            f"`labels` must name pictures of the folder, each by a path or name that only one of them has. Received: "
            f"{file} with {_some(unknown)}"
        )
    classes: list[str | None] = [None] * len(paths)
    for key, text in rows:
        number = numbers[key]
        if classes[number] not in (None, text):
            raise ValueError(f"`labels` must give each picture one class. Received: {file} with two for {key!r}")
        classes[number] = text
    missing = [path for path, text in zip(paths, classes, strict=True) if text is None]
    if missing:
        raise ValueError(f"`labels` must have a row for each picture. Received: {file} without {_some(missing)}")
    return labels_where_known(as_classes(classes), file)


def _rows(path: str, file: str) -> list[tuple[str, str]]:
    try:
        rows = [[cell.strip() for cell in row] for row in read_rows(path)]
    except (OSError, tf.errors.OpError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"`labels` must be a CSV file that can be read. Received: {file} ({error})") from error
    short = [row[0] for row in rows if len(row) < 2]
    if short:
        raise ValueError(f"`labels` must have two columns, picture and class. Received: {file} with {_some(short)}")
    return [(row[0].replace("\\", "/").removeprefix("./"), row[1]) for row in rows]


def _lookup(paths: Sequence[str]) -> dict[str, int]:
    """Numbers of pictures by path, by name and by name without suffix; -1 where that means more than one."""
    numbers: dict[str, int] = {}
    for short in (lambda name: os.path.splitext(name)[0], lambda name: name):
        found: dict[str, int] = {}
        for number, path in enumerate(paths):
            key = short(path.rsplit("/", 1)[-1])
            found[key] = -1 if key in found else number
        numbers |= found
    return numbers | {path: number for number, path in enumerate(paths)}


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def matched_labels(source: Source, class_names: Sequence[str] | None) -> np.ndarray | None:
    """The labels of `source` numbered as in `class_names`, which may be another set's.

    Two folders need not hold the same classes; what counts is the name. Where only one side has names and they are
    numbers, as of folders `0` to `11`, plain numbers mean those; to other names they are positions. -1 stays -1.

    Args:
        source: whose labels are asked for.
        class_names: the names of the other set. Default None: it has plain numbers.
    """
    if source.labels is None or (source.class_names is None and class_names is None):
        return source.labels
    if not (source.class_names and class_names) and not _are_numbers(source.class_names or class_names):
        return _positions(source, class_names)
    # A name that is written 07 is the number 7 of the side that has no names.
    key = str if source.class_names and class_names else int
    classes, places = np.unique(source.labels, return_inverse=True)
    called = {number: key(source.class_names[number] if source.class_names else number) for number in classes.tolist()}
    names = [name for number, name in called.items() if number >= 0]
    numbers = {key(name): number for number, name in enumerate(class_names)} if class_names else {n: n for n in names}
    _check_known([str(name) for name in names if name not in numbers], source, class_names)
    return np.array([numbers[name] if number >= 0 else -1 for number, name in called.items()], "int64")[places]


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name.isdecimal() for name in names) and len({int(name) for name in names}) == len(names)


def _positions(source: Source, class_names: Sequence[str] | None) -> np.ndarray:
    beyond = [] if class_names is None else np.unique(source.labels[source.labels >= len(class_names)])
    _check_known([str(number) for number in beyond], source, class_names)
    return source.labels


def _check_known(unknown: Sequence[str], source: Source, class_names: Sequence[str] | None) -> None:
    if unknown:
        raise ValueError(
            f"`source` must have no other classes than {_some(class_names)}. "
            f"Received: {source.name} with {_some(unknown)}"
        )
