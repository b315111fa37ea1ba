"""From what a user types to a source."""

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from ..writing import is_remote
from .arrays import ArraySource
from .folder import FolderSource, find_pictures, is_subfolder
from .labels import labels_from_csv, labels_from_folders, numbered_labels
from .named import is_builder, open_builder, open_named
from .numbers import load_npy, load_npz
from .records import open_records
from .shapes import shapes
from .source import Source, check_no_parts
from .tables import is_table

__all__ = ["folder_part", "may_have_test_part", "open_folder", "open_source"]

_TEST_NAMES = ("test", "val", "valid", "validation")
_SPLIT = re.compile(r"(.+)@([\w.-]+(?:\[[\w:%+-]*\])?)")
_SHAPES = {"train": (5000, 0), "test": (1000, 1)}


def open_source(
    source: Any,
    *,
    split: str | None = None,
    data_dir: str | None = None,
    labels: Any = None,
    image_key: str | None = None,
    label_key: str | None = None,
) -> Source:
    """Opens pictures of any kind; nothing is decoded yet.

    Args:
        source: an array `(n, height, width, channels)`, a pair of arrays (pictures, labels), a TFDS builder, or a
            string: a folder, which is searched all through; an `.npz` or `.npy` file; `tfds:NAME`; `tfrecord:PATTERN`;
            `shapes`, the built-in set. Of a string `@SPLIT` at the end names a split: `tfds:cifar10@test`.
        split: the same as an argument. Without, it is what there is for training: of a folder its `train` folder if it
            has one beside a `test`, `val`, `valid` or `validation` folder, else all of it. `"test"` is what there is
            for evaluation, by that or another usual name.
        data_dir: where TFDS keeps its datasets. Default: its own choice.
        labels: path of a CSV file that gives the pictures of a folder their classes; of other sources, an array.
            Default: what the source itself brings, which for folders are the names of the sub-folders.
        image_key: of records and named datasets, the feature that holds pictures. Default: found.
        label_key: of records and named datasets, the feature that holds classes. Default: found.

    Example:
    >>> import numpy as np
    >>> source = open_source((np.zeros((4, 8, 8, 3), "uint8"), [0, 1, 1, 0]))
    >>> len(source), source.labels
    (4, array([0, 1, 1, 0]))
    """
    keys = {"image_key": image_key, "label_key": label_key}
    if isinstance(source, Source):
        opened = _without_parts(source, split)
    elif is_builder(source):
        opened = open_builder(source, split, **keys)
    elif isinstance(source, str | os.PathLike):
        opened = _open_string(os.fspath(source), split, data_dir, keys)
    else:
        opened = _open_arrays(source, split)
    if labels is None:
        return opened
    if isinstance(labels, str | os.PathLike) and isinstance(opened, FolderSource):
        return opened.relabelled(*labels_from_csv(os.fspath(labels), opened.name, opened.paths, find_pictures))
    return opened.relabelled(*numbered_labels(labels, len(opened), opened.name))


def _open_arrays(source: Any, split: str | None) -> Source:
    if isinstance(source, tuple) and len(source) == 2:
        return _without_parts(ArraySource(source[0], source[1]), split)
    if isinstance(source, tuple) or not hasattr(source, "shape"):
        raise ValueError(
            "`source` must be an array, a pair of arrays (pictures, labels), or a string. "
            f"Received: {type(source).__name__}"
        )
    return _without_parts(ArraySource(source), split)


def _without_parts(source: Source, split: str | None) -> Source:
    check_no_parts(source.name, split)
    return source


def _open_string(text: str, split: str | None, data_dir: str | None, keys: dict[str, str | None]) -> Source:
    if not text:
        raise ValueError("`source` must name pictures: a folder, a file or a dataset. Received: an empty text")
    name, split = _name_and_split(text, split)
    if name.startswith("tfds:"):
        return open_named(name, split, data_dir, **keys)
    if name.startswith("tfrecord:"):
        return open_records(name, split, **keys)
    if name == "shapes":
        return _open_shapes(split)
    if name.lower().endswith((".npz", ".npy")) and not os.path.isdir(name):
        return _open_file(name, split)
    return _open_folder(name, split)


def _name_and_split(text: str, split: str | None) -> tuple[str, str | None]:
    found = _SPLIT.fullmatch(text)
    # A folder may well have an @ in its name, and a pattern too.
    if not found or text.startswith("tfrecord:") or _exists(text):
        return text, split
    if split not in (None, found[2]):
        raise ValueError(f"`split` must not be given twice. Received: split={split!r} for {text!r}")
    return found[1], found[2]


def may_have_test_part(source: Any) -> bool:
    """Whether what a user gave as data leaves another part to judge by, if it has one.

    It does not where it is open already or names a part itself, nor where it is a folder that is trained on as a whole.
    """
    if not isinstance(source, str | os.PathLike):
        return not isinstance(source, Source)
    name, split = _name_and_split(os.fspath(source), None)
    if split is not None:
        return False
    return not _is_folder(name) or folder_part(name, None) != (name.rstrip("/") or "/")


def _open_shapes(split: str | None) -> Source:
    if split not in (None, *_SHAPES):
        raise ValueError(f"`split` must be 'train' or 'test' for shapes. Received: split={split!r}")
    count, seed = _SHAPES[split or "train"]
    return ArraySource(*shapes(count, seed=seed), name="shapes")


def _open_file(path: str, split: str | None) -> Source:
    if not tf.io.gfile.exists(path):
        raise ValueError(f"`source` must exist. Received: {path}, and there is no such file")
    if path.lower().endswith(".npz"):
        return ArraySource(*load_npz(path, split))
    return _without_parts(ArraySource(load_npy(path), name=path), split)


def _open_folder(folder: str, split: str | None) -> Source:
    folder = folder.rstrip("/") or "/"
    is_folder = _is_folder(folder)
    if is_table(folder) and not is_folder:
        raise ValueError(
            f"`source` must hold pictures: a table is for --kind vectors, or another. Received: {folder!r}"
        )
    if not is_folder:
        found = "which is a file of another kind" if _exists(folder) else "which does not exist"
        raise ValueError(
            "`source` must be a folder, an .npz or .npy file, tfds:NAME, tfrecord:PATTERN or shapes. "
            f"Received: {folder!r}, {found}"
        )
    return open_folder(folder, split)


def open_folder(folder: str, split: str | None, find: Callable[[str], list[str]] = find_pictures) -> FolderSource:
    """The files of a folder, or of its sub-folder for one part, with classes by the names of sub-folders.

    Args:
        folder: that exists.
        split: as for `open_source`.
        find: finds the files below a folder. Default: all pictures.
    """
    parts = _parts(folder)
    part = _part(folder, split, parts)
    if part is None:
        paths = find(folder)
        return FolderSource(folder, paths, *labels_from_folders(paths))
    paths = find(f"{folder}/{part}")
    in_folders = part in parts and all("/" in path for path in paths)
    suffixes = tuple({os.path.splitext(path)[1].lower() for path in paths})
    labels = labels_from_folders(paths, _classes_of_sisters(folder, parts, suffixes) if in_folders else ())
    return FolderSource(folder, [f"{part}/{path}" for path in paths], *labels)


def folder_part(path: str, split: str | None) -> str:
    """The sub-folder for one part, of a path that is a folder with parts; else the path itself, for all that it holds.

    Args:
        path: of a folder or a file.
        split: as for `open_source`.
    """
    path = path.rstrip("/") or "/"
    if _is_folder(path):
        part = _part(path, split, _parts(path))
        return path if part is None else f"{path}/{part}"
    check_no_parts(path, split)
    return path


def _parts(folder: str) -> set[str]:
    return {name for name in ("train", *_TEST_NAMES) if _is_folder(f"{folder}/{name}")}


def _exists(path: str) -> bool:
    try:
        return tf.io.gfile.exists(path)
    except tf.errors.OpError:  # A store that TensorFlow does not know, or will not show.
        return False


def _is_folder(path: str) -> bool:
    return tf.io.gfile.isdir(path) if is_remote(path) else os.path.isdir(path)


def _part(folder: str, split: str | None, parts: set[str]) -> str | None:
    """The sub-folder that a split lies in; None for all of the folder."""
    if split in (None, "train"):
        return "train" if "train" in parts and (split or len(parts) > 1) else None
    if split == "test":
        found = next((name for name in _TEST_NAMES if name in parts), None)
    else:
        found = split if _is_folder(f"{folder}/{split}") else None
    if found is None:
        wanted = " or ".join(_TEST_NAMES) if split == "test" else split
        raise ValueError(f"`split` must be a sub-folder ({wanted}). Received: split={split!r} for {folder}")
    return found


def _classes_of_sisters(folder: str, parts: set[str], suffixes: tuple[str, ...]) -> Sequence[str]:
    """So that a class has the same number in the training and in the test folder, should one of them lack another."""
    listed = [(part, name) for part in parts for name in tf.io.gfile.listdir(f"{folder}/{part}")]
    return [
        name.rstrip("/")
        for part, name in listed
        if not name.startswith(".") and is_subfolder(f"{folder}/{part}/{name}", suffixes)
    ]
