"""The file format of a run's state: named arrays and a note, closed by a checksum."""

import hashlib
import json
import math
import os
import re
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from .writing import replace_file

__all__ = ["DamagedCheckpoint", "State", "load", "newest", "prune", "save", "saved_steps"]

_MAGIC = b"byol_keras state 1\n"
_NAME = re.compile(r"step-(\d{9,})\.state$")


class DamagedCheckpoint(ValueError):  # noqa: N818 - as StopIteration, a state of things
    """A checkpoint that is truncated, altered, or none at all."""


class State(NamedTuple):
    """What a checkpoint holds."""

    arrays: dict[str, np.ndarray]
    note: dict[str, Any]


class _Hashing:
    """A file that keeps a checksum of what goes through it."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.file.write(data)


def save(folder: str | os.PathLike, step: int, arrays: Mapping[str, np.ndarray], note: Mapping[str, Any]) -> str:
    """Writes `step-NNNNNNNNN.state` beside its place, renames it, and returns its path.

    Args:
        folder: made if it isn't there.
        step: names the file, so that files sort by age.
        arrays: what to keep, by name.
        note: anything that JSON can hold.
    """
    tf.io.gfile.makedirs(os.fspath(folder))
    path = _path(folder, step)
    contents = {name: (np.asarray(array).dtype.name, np.shape(array)) for name, array in arrays.items()}
    header = json.dumps({"note": dict(note), "arrays": contents}).encode()

    def write(file: Any) -> None:
        hashing = _Hashing(file)
        hashing.write(_MAGIC + len(header).to_bytes(8, "little") + header)
        for array in arrays.values():
            hashing.write(np.asarray(array).tobytes())
        file.write(hashing.digest.digest())

    replace_file(path, write)
    return path


def load(path: str | os.PathLike) -> State:
    """Reads a checkpoint back; raises `DamagedCheckpoint` if a single bit of it has changed. Never unpickles.

    What can't be read at all, as when a store does not answer, is another error: the file may well be whole.
    """
    with tf.io.gfile.GFile(os.fspath(path), "rb") as file:
        content = file.read()
    body, digest = memoryview(content)[:-32], content[-32:]
    if not content.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        raise DamagedCheckpoint(f"{path} is truncated or damaged ({len(content)} bytes)")
    start = len(_MAGIC) + 8
    end = start + int.from_bytes(body[len(_MAGIC) : start], "little")
    header = json.loads(bytes(body[start:end]))
    return State(_arrays(header["arrays"], body[end:]), header["note"])


def newest(folder: str | os.PathLike) -> State | None:
    """The newest checkpoint that is whole; warns about each newer one that is not.

    None if there are no checkpoints. Where there are, and none is whole, that is an error: whether to begin anew is the
    user's choice.
    """
    saved = saved_steps(folder)
    for step in reversed(saved):
        try:
            return load(_path(folder, step))
        except DamagedCheckpoint as damage:
            warnings.warn(f"Skipped a checkpoint: {damage}. Falling back to the one before, if any.", stacklevel=2)
    if saved:
        raise DamagedCheckpoint(
            "`folder` must hold a checkpoint that is whole; remove the damaged ones to begin anew. "
            f"Received: {os.fspath(folder)}, with {len(saved)} damaged and no other"
        )
    return None


def saved_steps(folder: str | os.PathLike) -> list[int]:
    """The steps of all checkpoints in a folder, oldest first; whatever else lies there is not looked at."""
    folder = os.fspath(folder)
    try:
        # Unlike `isdir` and `listdir`, this takes no store that does not answer for one without the folder.
        tf.io.gfile.stat(folder)
    except tf.errors.NotFoundError:
        return []
    return sorted(int(found[1]) for found in map(_NAME.fullmatch, tf.io.gfile.listdir(folder)) if found)


def prune(folder: str | os.PathLike, keep: int, step: int) -> None:
    """Removes what a run that stands at `step` does not need.

    That is all but the newest `keep` checkpoints, those of later steps, from which the run was set back, and what
    writers that were killed have left.
    """
    saved = saved_steps(folder)
    kept = [one for one in saved if one <= step][-keep:]
    for one in set(saved) - set(kept):
        tf.io.gfile.remove(_path(folder, one))
    for name in tf.io.gfile.listdir(os.fspath(folder)):
        if ".state.writing-" in name:
            tf.io.gfile.remove(os.path.join(os.fspath(folder), name))


def _path(folder: str | os.PathLike, step: int) -> str:
    return os.path.join(os.fspath(folder), f"step-{step:09d}.state")


def _arrays(contents: Mapping[str, tuple], body: memoryview) -> dict[str, np.ndarray]:
    arrays, start = {}, 0
    for name, (dtype, shape) in contents.items():
        # TensorFlow's names know bfloat16 too.
        dtype = np.dtype(tf.as_dtype(dtype).as_numpy_dtype)
        end = start + math.prod(shape) * dtype.itemsize
        arrays[name] = np.frombuffer(body[start:end], dtype).reshape(shape)
        start = end
    return arrays
