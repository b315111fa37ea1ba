"""A folder of files, found once, read one by one."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from ..writing import is_remote
from .source import Broken, Source

__all__ = ["PICTURE_SUFFIXES", "FolderSource", "find_files", "find_pictures", "is_subfolder"]

PICTURE_SUFFIXES = (".bmp", ".dcm", ".gif", ".jpeg", ".jpg", ".npy", ".png", ".tif", ".tiff", ".webp")


class FolderSource(Source):
    """Files below a folder.

    Args:
        folder: path of the folder; one with `://` is read through `tf.io.gfile`.
        paths: the files, relative to `folder`.
        labels: their classes. Default None.
        class_names: the names of the classes. Default None.
    """

    def __init__(
        self,
        folder: str,
        paths: Sequence[str],
        labels: np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(folder, len(paths), labels, class_names)
        self.paths = paths

    def path(self, index: int) -> str:
        return self.paths[index]

    def read(self, index: int) -> bytes:
        path = f"{self.name}/{self.paths[index]}"
        data = _read_remote(path) if is_remote(path) else _read_local(path)
        if not data:
            raise Broken("is empty")
        return data


def _read_local(path: str) -> bytes:
    # A pipe that is called like a picture would be waited for in vain.
    if not os.path.isfile(path):
        raise Broken("is a directory" if os.path.isdir(path) else "is no file, or its link leads nowhere")
    try:
        with open(path, "rb", buffering=0) as stream:
            return stream.read()
    except PermissionError as error:
        raise Broken("must not be read: permission denied") from error
    except OSError as error:
        raise Broken(f"could not be read: {error.strerror}") from error


def _read_remote(path: str) -> bytes:
    try:
        with tf.io.gfile.GFile(path, "rb") as stream:
            return stream.read()
    except tf.errors.OpError as error:
        raise Broken(f"could not be read: {error.message}") from error


def find_pictures(folder: str) -> list[str]:
    """The relative paths of all pictures below a folder, sorted; hidden files and folders are left out."""
    return find_files(folder, PICTURE_SUFFIXES, "pictures")


def find_files(folder: str, suffixes: tuple[str, ...], kind: str = "files") -> list[str]:
    """The relative paths of all files of a kind below a folder, sorted; hidden files and folders are left out.

    Args:
        folder: path of the folder; one with `://` is read through `tf.io.gfile`.
        suffixes: how their names end, in small letters; in the folder they may be capitals.
        kind: what to call them where there are none. Default `"files"`.
    """
    try:
        files = list(_remote_files(folder, suffixes) if is_remote(folder) else _local_files(folder, "", (), suffixes))
    except (OSError, tf.errors.OpError) as error:
        path = getattr(error, "filename", None) or folder
        raise ValueError(f"`source` must be a folder that may be read. Received: {path} ({_reason(error)})") from error
    found = sorted(file for file in files if file.lower().endswith(suffixes))
    if not found:
        raise ValueError(
            f"`source` must be a folder with {kind} ({' '.join(suffixes)}). Received: {folder}, {_holds(files)}"
        )
    return found


def _local_files(
    root: str, inside: str, above: tuple[tuple[int, int], ...], suffixes: tuple[str, ...]
) -> Iterator[str]:
    status = os.stat(os.path.join(root, inside))
    here = (status.st_dev, status.st_ino)
    # A link to a folder above this one would be followed for ever.
    if here in above:
        return
    with os.scandir(os.path.join(root, inside)) as entries:
        kept = [(entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(".")]
    for name, is_folder in kept:
        path = f"{inside}/{name}" if inside else name
        found = list(_local_files(root, path, (*above, here), suffixes)) if is_folder else [path]
        # An empty folder that is called like a file is one that can't be read: it should not vanish in silence.
        yield from found or ([path] if name.lower().endswith(suffixes) else [])


def _remote_files(root: str, suffixes: tuple[str, ...], inside: str = "") -> Iterator[str]:
    if not inside and not tf.io.gfile.isdir(root):
        raise OSError(None, "there is no such folder", root)
    for name in tf.io.gfile.listdir(f"{root}/{inside}"):
        path = inside + name.rstrip("/")
        if name.startswith("."):
            continue
        if is_subfolder(f"{root}/{inside}{name}", suffixes):
            yield from _remote_files(root, suffixes, f"{path}/")
        else:
            yield path


def is_subfolder(path: str, suffixes: tuple[str, ...]) -> bool:
    """Whether what a folder lists is a folder again; a store takes its time to answer, so it is asked where need be.

    Args:
        path: of a store with a slash at its end, if it is one.
        suffixes: those of the files that are wanted: what ends so is taken for one, and not asked.
    """
    return path.endswith("/") or (not path.lower().endswith(suffixes) and tf.io.gfile.isdir(path))


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _holds(files: Iterable[str]) -> str:
    kinds = Counter(os.path.splitext(file)[1].lower() or "no suffix" for file in files)
    if not kinds:
        return "which is empty"
    return "which holds " + ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common(5))
