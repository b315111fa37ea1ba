"""Pictures that are an array already: in memory, or in an `.npy` or `.npz` file."""

import contextlib
import os
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..writing import is_remote
from .labels import numbered_labels
from .pixels import as_pixels
from .source import Source

__all__ = ["ArraySource", "open_npy", "open_npz"]


class ArraySource(Source):
    """An array of pictures, with labels or without.

    Args:
        images: array of shape `(n, height, width, channels)` or `(n, height, width)`; uint8, uint16, or floats in
            [0, 1].
        labels: array of n classes: integers from 0 on (-1 where one is not known), or names. Default None.
        class_names: the names of the classes. Default None: those in `labels`, if it holds names.
        name: what the user typed. Default `"array"`.

    Example:
    >>> source = ArraySource(np.zeros((3, 8, 8), "uint8"), ["cat", "dog", "cat"])
    >>> source.read(0).shape, source.labels, source.class_names
    ((8, 8, 1), array([0, 1, 0]), ('cat', 'dog'))
    """

    def __init__(
        self, images: Any, labels: Any = None, class_names: Sequence[str] | None = None, name: str = "array"
    ) -> None:
        images = images if isinstance(images, np.ndarray) else np.asarray(images)
        if images.ndim not in (3, 4) or 0 in images.shape or images.dtype.kind not in "uf":
            raise ValueError(
                "`source` must be pictures of shape (n, height, width, channels), uint8 or floats in [0, 1]. "
                f"Received: {name} of shape {images.shape} and type {images.dtype}"
            )
        self._images = images[..., None] if images.ndim == 3 else images
        labels, found = numbered_labels(labels, len(images), name)
        super().__init__(name, len(images), labels, class_names or found)

    def read(self, index: int) -> np.ndarray:
        return as_pixels(self._images[index])

    def gather(self, indices: np.ndarray) -> np.ndarray:
        return as_pixels(self._images[indices])


def open_npy(path: str) -> ArraySource:
    """The pictures of one `.npy` file; on this machine they stay on disk until they are wanted."""
    return ArraySource(_load(path, np.ndarray, mmap_mode=None if is_remote(path) else "r"), name=path)


def open_npz(path: str, split: str | None) -> ArraySource:
    """The pictures (and labels) of one part of an `.npz` file.

    Args:
        path: of the file.
        split: None or `"train"` takes `x_train`, else `x` or `images`, else the only array there is; `"test"` takes
            `x_test` or `x_val`; any other name takes `x_NAME`.
    """
    with _load(path, np.lib.npyio.NpzFile) as archive, _plain_numbers(path):
        images = _pictures_key(path, archive.files, split)
        prefix, _, part = images.rpartition("_")
        labels = [f"y_{part}"] if prefix == "x" else ["y", "labels", "label"]
        found = next((archive[key] for key in labels if key in archive.files and key != images), None)
        names = [str(name) for name in archive["class_names"]] if "class_names" in archive.files else None
        return ArraySource(archive[images], found, names, name=path)


def _pictures_key(path: str, keys: list[str], split: str | None) -> str:
    if split == "test":
        wanted = ["x_test", "x_val"]
    elif split in (None, "train"):
        wanted = ["x_train", "x", "images", *(keys if len(keys) == 1 else [])]
    else:
        wanted = [f"x_{split}"]
    for key in wanted:
        if key in keys:
            return key
    raise ValueError(
        f"`source` must hold an array called {' or '.join(wanted)}. Received: {path} with the arrays {sorted(keys)}"
    )


def _load(path: str, kind: type, **options: Any) -> Any:
    with _plain_numbers(path):
        # Never unpickled: a pickle can run any code.
        found = np.load(tf.io.gfile.GFile(path, "rb") if is_remote(path) else path, allow_pickle=False, **options)
        if not isinstance(found, kind):
            raise ValueError("a file of one kind by the name of another")
        return found


@contextlib.contextmanager
def _plain_numbers(path: str) -> Iterator[None]:
    """NumPy's reasons for not reading a file, told as one sentence; ours pass."""
    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if str(error).startswith("`"):
            raise
        kind = os.path.splitext(path)[1]
        raise ValueError(f"`source` must be a valid {kind} file of plain numbers. Received: {path}") from error
