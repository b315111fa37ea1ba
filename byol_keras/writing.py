"""Files that are either whole or not there."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["is_remote", "replace_file", "write_text"]


def is_remote(path: str | os.PathLike) -> bool:
    """Whether a path names a store that only `tf.io.gfile` reaches, like `gs://bucket/run`.

    Example:
    >>> is_remote("gs://bucket/run"), is_remote("runs/first")
    (True, False)
    """
    return "://" in os.fspath(path)


def replace_file(path: str | os.PathLike, write: Callable[[Any], None]) -> None:
    """Writes a file beside its place and renames it: a reader sees the old content or the new, never a part.

    On a local disk the rename is atomic and the content is on the disk before it. Object stores copy instead of
    renaming: a reader may find the file missing for a moment, or old, but still never cut short.

    Args:
        path: the final name, local or of any store that `tf.io.gfile` knows.
        write: called with a file that is open for binary writing.
    """
    path = os.fspath(path)
    beside = f"{path}.writing-{os.getpid()}"
    try:
        if is_remote(path):
            with tf.io.gfile.GFile(beside, "wb") as file:
                write(file)
            tf.io.gfile.rename(beside, path, overwrite=True)
        else:
            with open(beside, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError, tf.errors.OpError):
            tf.io.gfile.remove(beside)
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """`replace_file` for text.

    Example:
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> write_text(folder / "note.txt", "whole")
    >>> [entry.name for entry in folder.iterdir()], (folder / "note.txt").read_text()
    (['note.txt'], 'whole')
    """
    replace_file(path, lambda file: file.write(text.encode()))
