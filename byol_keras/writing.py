"""Files that are either whole or not there."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

__all__ = ["beside", "is_remote", "replace_file", "write_text"]


def is_remote(path: str | os.PathLike) -> bool:
    """Whether a path names a store that only `tf.io.gfile` reaches, like `gs://bucket/run`.

    Example:
    >>> is_remote("gs://bucket/run"), is_remote("runs/first")
    (True, False)
    """
    return "://" in os.fspath(path)


@contextlib.contextmanager
def beside(path: str | os.PathLike, suffix: str = "") -> Iterator[str]:
    """A path next to `path` to write a file or a folder to; it is renamed when the block ends, removed if that fails.

    On a local disk the rename is atomic and a file's content is on the disk before it. Object stores copy instead of
    renaming: a reader may find a file missing for a moment, or old, but never cut short.

    Args:
        path: the final name, local or of any store that `tf.io.gfile` knows.
        suffix: what the name to write to must end in, for writers that go by it. Default none.
    """
    path = os.fspath(path)
    draft = f"{path}.writing-{os.getpid()}{suffix}"
    try:
        yield draft
        _put(draft, path)
    except BaseException as error:
        with contextlib.suppress(OSError, tf.errors.OpError):
            (tf.io.gfile.rmtree if tf.io.gfile.isdir(draft) else tf.io.gfile.remove)(draft)
        # A disk that is full does not say which; the draft is nothing that the user knows.
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, draft):
            error.filename = path
        raise


def _put(draft: str, path: str) -> None:
    """Renames a draft; a file may take the place of an older one, a folder may not."""
    if tf.io.gfile.isdir(draft):
        tf.io.gfile.rename(draft, path)
    elif is_remote(path):
        tf.io.gfile.rename(draft, path, overwrite=True)
    else:
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)


def replace_file(path: str | os.PathLike, write: Callable[[Any], None]) -> None:
    """Writes a file `beside` its place: a reader sees the old content or the new, never a part.

    Args:
        path: the final name, local or of any store that `tf.io.gfile` knows.
        write: called with a file that is open for binary writing.
    """
    with beside(path) as draft, tf.io.gfile.GFile(draft, "wb") if is_remote(path) else open(draft, "wb") as file:
        write(file)


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
