"""From what a user types to sounds."""

import os
from functools import partial
from typing import Any

import tensorflow as tf

from .folder import find_files
from .labels import labels_from_csv, numbered_labels
from .numbers import open_arrays
from .opening import open_folder
from .rows import Rows
from .source import Source
from .wav import WAV_SUFFIXES

__all__ = ["open_sounds"]

MANY = "clips"


def open_sounds(source: Any, *, split: str | None = None, labels: Any = None) -> Source:
    """Opens sounds; files are not decoded yet.

    Args:
        source: a folder of `.wav` files, which is searched all through; an array `(n, samples)` of waveforms in
            [-1, 1], a pair of arrays (waveforms, labels), or an `.npz` or `.npy` file with them. A `.wav` file is read
            as a whole for each window of it: recordings of hours are better cut into minutes first.
        split: a part: of a folder a sub-folder, such as `train` or `test`; of an `.npz` file an array.
        labels: path of a CSV file that gives the files of a folder their classes, or an array. Default: what the
            source itself brings, which for folders are the names of the sub-folders.

    Example:
    >>> import numpy as np
    >>> len(open_sounds(np.zeros((3, 800))))
    3
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, str | os.PathLike) and tf.io.gfile.isdir(os.fspath(source)):
        find = partial(find_files, suffixes=WAV_SUFFIXES, kind="WAV files")
        opened: Source = open_folder(os.fspath(source).rstrip("/") or "/", split, find)
        opened.many = MANY
        if isinstance(labels, str | os.PathLike):
            return opened.relabelled(*labels_from_csv(os.fspath(labels), opened.name, opened.paths, find))
        return opened if labels is None else opened.relabelled(*numbered_labels(labels, len(opened), opened.name))
    values, found, class_names, name = open_arrays(source, split, "waveforms, or a folder of WAV files")
    if values.ndim != 2 or values.dtype.kind != "f":
        raise ValueError(
            "`source` must be waveforms of shape (n, samples), floats in [-1, 1], one channel. "
            f"Received: {name} of shape {values.shape} and type {values.dtype}"
        )
    classes = (found, class_names) if labels is None else (labels, None)
    return Rows(values, *classes, name, many=MANY)
