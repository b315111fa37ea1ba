"""TFRecord files with an index: any record is one seek away, and no buffer is needed to shuffle them."""

import os
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..writing import is_remote
from .labels import labels_where_known
from .source import Broken, Source

__all__ = ["RecordFiles", "RecordSource", "open_records"]

# A record is its length (8 bytes), a checksum of that (4), the content, and a checksum of the content (4).
_HEAD, _TAIL = 12, 4
_IMAGE_KEYS = ("image/encoded", "image", "image_raw", "jpeg", "png")
_LABEL_KEYS = ("image/class/label", "label", "class", "image/class/text")


class RecordFiles:
    """The records of TFRecord files by number; 20 bytes of memory for each.

    The files are passed through once, from header to header. A file that is cut off ends with a record that can't be
    read. `counts` says how many each holds.

    Args:
        files: paths.

    Example:
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/two.tfrecord"
    >>> with tf.io.TFRecordWriter(path) as writer:
    ...     for content in (b"one", b"two"):
    ...         writer.write(content)
    >>> records = RecordFiles([path])
    >>> len(records), records[1]
    (2, b'two')
    """

    def __init__(self, files: Sequence[str]) -> None:
        self.files = list(files)
        found = [np.array(list(_walk(file)), "int64").reshape(-1, 2) for file in self.files]
        self.counts = np.array([len(places) for places in found])
        self._places = np.concatenate(found)
        self._shards = np.repeat(np.arange(len(found), dtype="int32"), self.counts)
        self._handles = threading.local()

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, index: int) -> bytes:
        start, length = self._places[index].tolist()
        content = self._read(int(self._shards[index]), start, length)
        if len(content) < length:
            raise Broken(f"is cut off: {self.files[self._shards[index]]} ends within this record")
        return content

    def _read(self, shard: int, start: int, length: int) -> bytes:
        # A handle per thread, and one only: thousands of shards must not use up the process' files.
        try:
            if getattr(self._handles, "shard", None) != shard:
                self._handles.stream = _open(self.files[shard])
                self._handles.shard = shard
            self._handles.stream.seek(start)
            return self._handles.stream.read(min(length, 2**31))
        except (OSError, tf.errors.OpError) as error:
            raise Broken(f"could not be read: {error}") from error


def _open(path: str) -> Any:
    return tf.io.gfile.GFile(path, "rb") if is_remote(path) else open(path, "rb", buffering=0)


def _size(path: str) -> int:
    return tf.io.gfile.stat(path).length if is_remote(path) else os.stat(path).st_size


def _walk(path: str) -> Iterator[tuple[int, int]]:
    """Start and length of each record's content."""
    size, place = _size(path), 0
    with _open(path) as stream:
        while place < size:
            stream.seek(place)
            head = stream.read(_HEAD)
            if place == 0 and not _is_head(head):
                raise ValueError(
                    f"`source` must be TFRecord files, not compressed. Received: {path}, which begins like none"
                )
            # Cut off, or a damaged length, which leads anywhere: what follows can't be found.
            if not _is_head(head):
                yield place + _HEAD, size
                return
            (length,) = struct.unpack_from("<Q", head)
            yield place + _HEAD, length
            place += _HEAD + length + _TAIL


def _crc_table() -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [(value >> 1) ^ (0x82F63B78 * (value & 1)) for value in table]
    return table


_CRC = _crc_table()


def _is_head(head: bytes) -> bool:
    """Whether the length has the checksum that stands behind it: CRC-32C, rotated and masked as TFRecord does."""
    if len(head) < _HEAD:
        return False
    crc = 0xFFFFFFFF
    for byte in head[:8]:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return masked == struct.unpack_from("<I", head, 8)[0]


class RecordSource(Source):
    """Pictures in the `tf.train.Example`s of records.

    Args:
        name: what the user typed.
        records: the records by number.
        image_key: the feature with encoded pictures.
        label_key: the feature with classes, integers or names; None for none. Reading labels reads all records, once.
        class_names: the names of the classes. Default None.
    """

    def __init__(
        self,
        name: str,
        records: Any,
        image_key: str,
        label_key: str | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, len(records), self._read_labels if label_key else None, class_names)
        self._records, self._image_key, self._label_key = records, image_key, label_key

    def read(self, index: int) -> bytes:
        values = parse(self._records[index]).get(self._image_key)
        if not values or not isinstance(values[0], bytes):
            raise Broken(f"has no bytes in {self._image_key!r}")
        if not values[0]:
            raise Broken("is empty")
        return values[0]

    def _read_labels(self) -> np.ndarray | None:
        labels, names = labels_where_known([self._label(index) for index in range(len(self))], self.name)
        self.class_names = self.class_names or names
        return labels

    def _label(self, index: int) -> int | bytes | None:
        try:
            values = parse(self._records[index]).get(self._label_key)
        except Broken:
            values = None
        return values[0] if values else None


def parse(record: bytes) -> dict[str, Sequence]:
    """The features of a serialised `tf.train.Example`. Raises `Broken`."""
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf has its own kind of exception for each of its implementations.
        raise Broken("is damaged: the record is no tf.train.Example") from error
    return {
        key: getattr(feature, feature.WhichOneof("kind") or "bytes_list").value for key, feature in features.items()
    }


def open_records(
    name: str, split: str | None = None, image_key: str | None = None, label_key: str | None = None
) -> RecordSource:
    """The records of all files that `tfrecord:PATTERN` matches, in the order of the files' names."""
    pattern = name.removeprefix("tfrecord:")
    if split not in (None, "train"):
        raise ValueError(f"`split` must be None for TFRecord files: name those of the split. Received: {name}@{split}")
    files = sorted(tf.io.gfile.glob(pattern))
    if not files:
        raise ValueError(f"`source` must match files. Received: {name}, which matches none")
    records = RecordFiles(files)
    if not len(records):
        raise ValueError(f"`source` must hold records. Received: {name}, whose {len(files)} files are empty")
    features = _first_features(name, records)
    image_key = _find(features, image_key, _IMAGE_KEYS, "image_key", name)
    classes = [key for key in _LABEL_KEYS if key in features and not isinstance(next(iter(features[key]), None), float)]
    label_key = _find(features, label_key, classes, "label_key", name) if label_key or classes else None
    return RecordSource(name, records, image_key, label_key)


def _first_features(name: str, records: RecordFiles) -> dict[str, Sequence]:
    for index in range(min(len(records), 16)):
        try:
            return parse(records[index])
        except Broken:
            continue
    raise ValueError(f"`source` must hold serialised tf.train.Example records. Received: {name}, which does not")


def _find(features: dict[str, Sequence], given: str | None, usual: Sequence[str], argument: str, name: str) -> str:
    key = given or next((key for key in usual if key in features), None)
    if key not in features:
        raise ValueError(
            f"`{argument}` must be a feature of the records: one of {sorted(features)}. Received: {argument}={given!r} "
            f"for {name}"
        )
    return key
