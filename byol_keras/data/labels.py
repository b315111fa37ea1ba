"""Where the classes of pictures come from: arrays, sub-folders, or a table in a CSV file."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from .source import Source

__all__ = ["labels_from_csv", "labels_from_folders", "labels_where_known", "matched_labels", "numbered_labels"]

Labels = tuple[np.ndarray | None, tuple[str, ...] | None]


def numbered_labels(labels: Any, length: int, name: str) -> Labels:
    """Labels as int64 from 0 on, and the names of the classes where the labels are names.

    A negative label is the custom for "unknown": it becomes -1. A set of nothing else counts as unlabelled.
    """
    if labels is None:
        return None, None
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (length,) or labels.dtype.kind not in "iuUS":
        raise ValueError(
            f"`labels` must be {length} integers or names, one for each picture. Received: labels of shape "
            f"{labels.shape} and type {labels.dtype} in {name}"
        )
    if labels.dtype.kind in "US":
        return _numbered([text.decode() if isinstance(text, bytes) else str(text) for text in labels])
    labels = np.maximum(labels.astype("int64"), -1)
    return (None, None) if (labels < 0).all() else (labels, None)


def labels_where_known(labels: Sequence, name: str) -> Labels:
    """`numbered_labels` of a list with None where a label is missing, which becomes -1.

    Example:
    >>> labels_where_known([b"dog", None, b"cat"], "pets")
    (array([ 1, -1,  0]), ('cat', 'dog'))
    """
    known = [index for index, label in enumerate(labels) if label is not None]
    if not known:
        return None, None
    numbers, names = numbered_labels([labels[index] for index in known], len(known), name)
    if numbers is None:
        return None, None
    found = np.full(len(labels), -1, "int64")
    found[known] = numbers
    return found, names


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


def labels_from_csv(file: str, folder: str, paths: Sequence[str]) -> Labels:
    """Labels from a table: a picture's path (or its name, or that without suffix) and its class, name or integer.

    A first line whose first cell can't be a picture is a header; further columns are ignored, and so are pictures of
    the folder that are not among those wanted.

    Args:
        file: path of the table, from here or from `folder`.
        folder: what the paths in the table start from.
        paths: of the pictures wanted.
    """
    rows = _rows(file if tf.io.gfile.exists(file) else f"{folder}/{file}", file)
    numbers = _lookup(paths)
    if rows and rows[0][0] not in numbers and not os.path.splitext(rows[0][0])[1]:
        rows = rows[1:]
    others = {key for key, _ in rows if key not in numbers and tf.io.gfile.exists(f"{folder}/{key}")}
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
    if all(text.isdecimal() for text in classes):
        return np.array(classes, "int64"), None
    return _numbered(classes)


def _rows(path: str, file: str) -> list[tuple[str, str]]:
    try:
        with tf.io.gfile.GFile(path, "rb") as stream:
            text = stream.read().decode("utf-8-sig")
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline="")) if any(row)]
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

    Two folders need not hold the same classes; what counts is the name. Labels without names stay as they are, and so
    does -1.
    """
    if source.labels is None or source.class_names is None or class_names is None:
        return source.labels
    unknown = sorted(set(source.class_names) - set(class_names))
    if unknown:
        raise ValueError(
            f"`source` must have no other classes than {_some(class_names)}. "
            f"Received: {source.name} with {_some(unknown)}"
        )
    numbers = {name: number for number, name in enumerate(class_names)}
    # A label of -1 finds the last of these.
    return np.array([*(numbers[name] for name in source.class_names), -1], "int64")[source.labels]
