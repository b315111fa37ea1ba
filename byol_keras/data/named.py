"""Datasets that tensorflow_datasets knows by name, read one by one instead of as a stream."""

import difflib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .folder import FolderSource, find_pictures
from .labels import labels_from_folders, labels_where_known
from .records import RecordFiles, RecordSource
from .source import Broken, Source

__all__ = ["is_builder", "open_builder", "open_named"]

_TEST_SPLITS = ("test", "validation")
# Six seconds of waiting in all.
_RETRIES = 5


def is_builder(source: object) -> bool:
    """Whether `source` is a TFDS builder."""
    return all(hasattr(source, name) for name in ("as_dataset", "info", "download_and_prepare"))


def open_named(
    name: str,
    split: str | None = None,
    data_dir: str | None = None,
    image_key: str | None = None,
    label_key: str | None = None,
) -> Source:
    """The dataset that `tfds:NAME` names. The network is touched only if it has not been prepared yet."""
    tfds = _tfds()
    known = name.removeprefix("tfds:")
    try:
        builder = tfds.builder(known, data_dir=None if data_dir is None else os.path.expanduser(data_dir))
    except tfds.core.DatasetNotFoundError as error:
        near = difflib.get_close_matches(known.split("/")[0], tfds.list_builders(with_community_datasets=False), 3)
        hint = f": did you mean {' or '.join(near)}?" if near else ", and nothing similar is"
        raise ValueError(f"`source` must be a dataset that TFDS knows. Received: {name}, which is not{hint}") from error
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"`source` must be a dataset that TFDS knows. Received: {name} ({_line(error)})") from error
    return open_builder(builder, split, image_key, label_key, name)


def open_builder(
    builder: Any,
    split: str | None = None,
    image_key: str | None = None,
    label_key: str | None = None,
    name: str | None = None,
) -> Source:
    """One split of a TFDS builder: of record files by an index, of others by TFDS' own random access."""
    name = name or f"tfds:{builder.name}"
    if isinstance(builder, _tfds().folder_dataset.ImageFolder):
        return _open_image_folder(builder, split)
    _prepare(builder, name)
    split = _split(name, split, list(builder.info.splits))
    image_key, label_key = _keys(name, builder.info.features, image_key, label_key)
    names = getattr(builder.info.features[label_key], "names", None) if label_key else None
    records = _record_source(builder, split)
    if records is None:
        return _AccessSource(name, builder, split, image_key, label_key, names)
    files, kept = records
    source = RecordSource(name, files, image_key, label_key, names)
    return source if len(kept) == len(files) else source.subset(kept)


def _tfds() -> Any:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError("tfds:NAME needs tensorflow_datasets: pip install tensorflow-datasets") from error
    return tfds


def _line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _prepare(builder: Any, name: str) -> None:
    if builder.is_prepared():
        return
    _hurry()
    try:
        builder.download_and_prepare()
    except ImportError:
        raise
    except AssertionError as error:
        # How TFDS says that nobody may download a dataset for somebody else.
        raise ValueError(f"`source` {name} must be put in its place by hand. Received: {_line(error)}") from error
    except Exception as error:  # Anything from a socket to a checksum.
        raise ConnectionError(
            f"`source` {name} is not prepared in {builder.data_dir} and could not be downloaded ({_line(error)}): run "
            f"`tfds build {name.removeprefix('tfds:')}` on a machine with a network and copy that folder, or pass "
            "`data_dir`."
        ) from error


def _hurry() -> None:
    """TFDS tries ten times, each time waiting twice as long: 200 seconds until it says that there is no network.

    This is not undone: its threads go on with the other files after the first has failed, and the process waits for
    them when it ends.
    """
    from tensorflow_datasets.core.download import downloader

    downloader.MAX_RETRIES = _RETRIES


def _split(name: str, split: str | None, known: Sequence[str]) -> str:
    if split == "test":
        split = next((test for test in _TEST_SPLITS if test in known), "test")
    split = split or "train"
    if known and split.split("[")[0] not in known:
        raise ValueError(f"`split` must be one of {sorted(known)} for {name}. Received: split={split!r}")
    return split


def _keys(name: str, features: Any, image_key: str | None, label_key: str | None) -> tuple[str, str | None]:
    tfds = _tfds()
    for argument, key in (("image_key", image_key), ("label_key", label_key)):
        if key is not None and key not in features:
            raise ValueError(
                f"`{argument}` must be a feature of {name}: one of {sorted(features)}. Received: {argument}={key!r}"
            )
    found = image_key or next((key for key, kind in features.items() if isinstance(kind, tfds.features.Image)), None)
    if found is None:
        raise ValueError(f"`source` must hold pictures. Received: {name}, which holds {sorted(features)}")
    classes = next((key for key, kind in features.items() if isinstance(kind, tfds.features.ClassLabel)), None)
    return found, label_key or classes


def _record_source(builder: Any, split: str) -> tuple[RecordFiles, np.ndarray] | None:
    """The record files of a split and which of their records belong to it; None for files of another format."""
    file_format = getattr(builder.info.file_format, "value", None)
    if file_format != "tfrecord" or split.split("[")[0] not in builder.info.splits:
        return None
    parts = builder.info.splits[split].file_instructions
    if not all(os.path.exists(part.filename) or "://" in str(part.filename) for part in parts):
        return None
    files = RecordFiles([str(part.filename) for part in parts])
    # What is found counts: a file that is cut off holds fewer records than it is said to.
    starts = np.cumsum(files.counts) - files.counts
    kept = [
        start + np.arange(part.skip, min(part.skip + part.take, count))
        for start, count, part in zip(starts, files.counts, parts, strict=True)
    ]
    return files, np.concatenate(kept)


def _open_image_folder(builder: Any, split: str | None) -> Source:
    splits = sorted(builder._split_examples)
    split = _split(f"the folder {builder.data_dir}", split, splits)
    folder = f"{builder.data_dir}/{split}"
    paths = find_pictures(folder)
    return FolderSource(folder, paths, *labels_from_folders(paths, builder.info.features["label"].names))


class _AccessSource(Source):
    """A split that TFDS itself gives random access to, with the pictures left encoded."""

    def __init__(
        self, name: str, builder: Any, split: str, image_key: str, label_key: str | None, names: Sequence[str] | None
    ) -> None:
        skip = {image_key: _tfds().decode.SkipDecoding()}
        try:
            self._examples = builder.as_data_source(split=split, decoders=skip)
        except NotImplementedError as error:
            raise ValueError(
                f"`source` must be prepared as tfrecord or array_record. Received: {name}, prepared as "
                f"{builder.info.file_format.value}"
            ) from error
        super().__init__(name, len(self._examples), self._read_labels if label_key else None, names)
        self._image_key, self._label_key = image_key, label_key

    def read(self, index: int) -> bytes | np.ndarray:
        picture = self._example(index)[self._image_key]
        return picture.item() if isinstance(picture, np.ndarray) and picture.dtype == object else picture

    def _example(self, index: int) -> dict[str, Any]:
        try:
            return self._examples[index]
        except Exception as error:  # TFDS parses the record, which may be damaged in any way.
            raise Broken(f"could not be read: {_line(error)}") from error

    def _read_labels(self) -> np.ndarray | None:
        labels, names = labels_where_known([self._label(index) for index in range(len(self))], self.name)
        self.class_names = self.class_names or names
        return labels

    def _label(self, index: int) -> Any:
        try:
            return self._example(index)[self._label_key]
        except Broken:
            return None
