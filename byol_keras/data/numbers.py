"""Arrays in memory and in NumPy's files, whatever they hold."""

import contextlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..writing import is_remote
from .source import check_no_parts

__all__ = ["Found", "load_npy", "load_npz", "open_arrays"]


class Found(NamedTuple):
    """What a user's data came to.

    Args:
        values: one example in each row.
        labels: their classes as they were given, or None.
        class_names: names of the classes, or None.
        name: what the user typed.
    """

    values: np.ndarray
    labels: Any
    class_names: list[str] | None
    name: str


def open_arrays(source: Any, split: str | None, wanted: str) -> Found:
    """The examples in an array, a pair of arrays (examples, labels), or an `.npy` or `.npz` file.

    Args:
        source: what the user gave.
        split: part of an `.npz` file; others have none.
        wanted: what the examples should be, in words.
    """
    if isinstance(source, str | os.PathLike):
        return _open_file(os.fspath(source), split, wanted)
    check_no_parts("an array", split)
    values, labels = source if isinstance(source, tuple) and len(source) == 2 else (source, None)
    if isinstance(values, tuple) or not hasattr(values, "shape"):
        raise ValueError(f"`source` must be {wanted}, as an array or a file. Received: {type(source).__name__}")
    return _checked(Found(np.asarray(values), labels, None, "array"), wanted)


def _open_file(text: str, split: str | None, wanted: str) -> Found:
    path, _, part = text.rpartition("@") if "@" in text and not tf.io.gfile.exists(text) else (text, "", "")
    if not path.lower().endswith((".npy", ".npz")):
        found = "" if tf.io.gfile.exists(path) else ", which does not exist"
        raise ValueError(f"`source` must be {wanted}, as an array or a file of a known kind. Received: {text!r}{found}")
    if part and split not in (None, part):
        raise ValueError(f"`split` must not be given twice. Received: split={split!r} for {text!r}")
    if not tf.io.gfile.exists(path):
        raise ValueError(f"`source` must exist. Received: {path}, and there is no such file")
    split = part or split
    if path.lower().endswith(".npz"):
        return _checked(load_npz(path, split), wanted)
    check_no_parts(path, split)
    return _checked(Found(load_npy(path), None, None, path), wanted)


def _checked(found: Found, wanted: str) -> Found:
    values = found.values
    if values.ndim < 2 or 0 in values.shape or values.dtype.kind not in "iufb":
        raise ValueError(
            f"`source` must be {wanted}, an array with one example in each row. Received: {found.name} of shape "
            f"{values.shape} and type {values.dtype}"
        )
    return found


def load_npy(path: str) -> np.ndarray:
    """The array of one `.npy` file; on this machine it stays on disk until it is wanted."""
    return _load(path, np.ndarray, mmap_mode=None if is_remote(path) else "r")


def load_npz(path: str, split: str | None) -> Found:
    """The examples (and labels) of one part of an `.npz` file.

    Args:
        path: of the file.
        split: None or `"train"` takes `x_train`, else `x` or `images`, else the only array there is; `"test"` takes
            `x_test` or `x_val`; any other name takes `x_NAME`.
    """
    with _load(path, np.lib.npyio.NpzFile) as archive:
        key = _key_of(path, archive.files, split)
        prefix, _, part = key.rpartition("_")
        labels = [f"y_{part}"] if prefix == "x" else ["y", "labels", "label"]
        with _plain_numbers(path):
            found = next((archive[name] for name in labels if name in archive.files and name != key), None)
            names = [_text(name) for name in archive["class_names"]] if "class_names" in archive.files else None
            return Found(archive[key], found, names, path)


def _text(name: object) -> str:
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)


def _key_of(path: str, keys: list[str], split: str | None) -> str:
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
    """NumPy's reasons for not reading a file, told as one sentence."""
    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        kind = os.path.splitext(path)[1]
        raise ValueError(f"`source` must be a valid {kind} file of plain numbers. Received: {path}") from error
