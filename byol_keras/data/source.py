"""What the house reads examples from: things that are numbered, cheap to open, and decoded later."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import tensorflow as tf

__all__ = ["CUT", "Broken", "Source", "check_no_parts", "failing_in_words"]

CUT = "is cut off or damaged"
"""The reason for what ends too early."""

# From the messages of Pillow and TensorFlow.
_SIGNS_OF_A_CUT = ("truncat", "premature", "eof", "unexpected end", "not enough", "invalid jpeg data", "broken data")


class Broken(Exception):  # noqa: N818
    """One example that can't be used. Its text is the reason, in words; the run goes on without the example."""


@contextlib.contextmanager
def failing_in_words() -> Iterator[None]:
    """Whatever a decoder stumbles over within becomes `Broken`, with the reason in words."""
    try:
        yield
    except (Broken, MemoryError, tf.errors.ResourceExhaustedError):  # Want of memory says nothing of a file.
        raise
    except Exception as error:  # In a stranger's file it may be anything, and is of a dozen types.
        raise Broken(_in_words(error)) from error


def check_no_parts(name: str, split: str | None) -> None:
    """Refuses a `split` of what has no parts; all of it is for training."""
    if split not in (None, "train"):
        raise ValueError(f"`split` must be None for {name}, which has no parts. Received: split={split!r}")


def _in_words(error: Exception) -> str:
    text = " ".join(str(error).split())
    if any(sign in text.lower() for sign in _SIGNS_OF_A_CUT):
        return CUT
    if "DecompressionBomb" in type(error).__name__:
        return "claims more pixels than are decoded"
    if "UnidentifiedImage" in type(error).__name__:
        return "is damaged: its header can't be read"
    return f"is damaged: {text[:200] or type(error).__name__}"


class Source:
    """Random access to examples of which nothing is decoded yet.

    A concrete source overrides `read`, and `path` where its examples have names of their own; `many` is what several of
    its examples are called. Rows of a table have names of `columns`, and the words of `categories` by their number.

    Args:
        name: what the user typed, for messages.
        length: int, number of examples.
        labels: int64 array of shape `(length,)`, -1 where a class is not known; a function that makes it when somebody
            asks for `labels` (which may mean reading the whole set); or None. Default None.
        class_names: the names of the classes, or None where they have none. Default None.

    Example:
    >>> class Grey(Source):
    ...     def read(self, index):
    ...         return np.full((2, 2, 1), index, "uint8")
    >>> source = Grey("grey", 5).subset([4, 0])
    >>> len(source), source.path(0), source.read(0).max()
    (2, 'grey#4', np.uint8(4))
    """

    many = "pictures"
    columns: Sequence[str] = ()
    categories: Mapping[int, Sequence[str]] = MappingProxyType({})

    def __init__(
        self,
        name: str,
        length: int,
        labels: np.ndarray | Callable[[], np.ndarray | None] | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.class_names = None if class_names is None else tuple(class_names)
        self._length = length
        self._labels = labels

    def __len__(self) -> int:
        return self._length

    @property
    def labels(self) -> np.ndarray | None:
        """The class of each example, -1 for unknown ones, or None; a source of records reads all of them to tell."""
        if callable(self._labels):
            self._labels = self._labels()
        return self._labels

    def path(self, index: int) -> str:
        """What to call an example in a list: its path within the source, or `NAME#NUMBER`."""
        return f"{self.name}#{index}"

    def read(self, index: int) -> bytes | np.ndarray:
        """The encoded bytes of an example, or its pixels `(height, width, channels)`. Raises `Broken`."""
        raise NotImplementedError(f"`{type(self).__name__}` must override `read`.")

    def gather(self, indices: np.ndarray) -> np.ndarray | None:
        """Many examples as one array where they lie in memory as one, else None. Raises `Broken`."""
        return None

    def relabelled(self, labels: np.ndarray | None, class_names: Sequence[str] | None = None) -> "Source":
        """The same examples with other labels."""
        other = copy.copy(self)
        other._labels, other.class_names = labels, class_names
        return other

    def subset(self, indices: Sequence[int] | np.ndarray) -> "Source":
        """The examples with these numbers, in this order."""
        return _Subset(self, np.asarray(indices, "int64"))


class _Subset(Source):
    def __init__(self, source: Source, indices: np.ndarray) -> None:
        if indices.ndim != 1 or (indices.size and not 0 <= indices.min() <= indices.max() < len(source)):
            raise ValueError(
                f"`indices` must be a list of numbers from 0 to {len(source) - 1}. Received: an array of shape "
                f"{indices.shape} with values in [{indices.min(initial=0)}, {indices.max(initial=0)}]"
            )
        super().__init__(source.name, len(indices), self._pick, source.class_names)
        self._source, self._indices, self.many = source, indices, source.many
        self.columns, self.categories = source.columns, source.categories

    def _pick(self) -> np.ndarray | None:
        labels = self._source.labels
        # Of records the names are known once the labels have been read.
        self.class_names = self._source.class_names
        return None if labels is None or (labels[self._indices] < 0).all() else labels[self._indices]

    def path(self, index: int) -> str:
        return self._source.path(int(self._indices[index]))

    def read(self, index: int) -> bytes | np.ndarray:
        return self._source.read(int(self._indices[index]))

    def gather(self, indices: np.ndarray) -> np.ndarray | None:
        return self._source.gather(self._indices[indices])
