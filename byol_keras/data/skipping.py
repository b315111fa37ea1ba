"""The ledger of pictures that could not be used, and when there are too many of them."""

import contextlib
import math
import os
import threading
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from ..writing import write_text

__all__ = ["JUDGED_FROM", "Skipped", "TooManyBroken", "printable"]

JUDGED_FROM = 200
# Standard errors.
_MARGIN = 1.5
_UNSEEN, _GOOD, _BAD = 0, 1, 2


class TooManyBroken(ValueError):  # noqa: N818
    """More pictures are broken than the user allowed, or all of them. Its text is one sentence for the user."""


class Skipped:
    """What was skipped and why, each example once, whichever thread and epoch found it.

    From 200 examples seen on, `max_bad_fraction` is enforced: exactly once all have been seen, before that with a
    margin, since a part may by chance hold a larger share of broken ones than the whole. TensorFlow wraps an exception
    that ends a stream into one of its own: `failure` keeps the original. `seen` and `bad` count different examples.

    Args:
        length: int, number of examples of the source.
        max_bad_fraction: the largest share of the examples seen that may be broken, in [0, 1]. Default 0.01.
        file: path of the list that is written, a line with path, tab and reason for each; what an earlier run has left
            there stays in it. Default None: none is written.
        many: what several examples are called. Default `"pictures"`.

    Example:
    >>> skipped = Skipped(length=10)
    >>> skipped.bad_one(3, "dog/3.jpg", "is empty")
    >>> skipped.seen, skipped.bad, skipped.reasons
    (1, 1, {'dog/3.jpg': 'is empty'})
    """

    def __init__(
        self,
        length: int,
        max_bad_fraction: float = 0.01,
        file: str | os.PathLike | None = None,
        many: str = "pictures",
    ) -> None:
        if not 0 <= max_bad_fraction <= 1:
            raise ValueError(f"`max_bad_fraction` must be in [0, 1]. Received: max_bad_fraction={max_bad_fraction}")
        self.max_bad_fraction, self.many = max_bad_fraction, many
        self.file = None if file is None else os.fspath(file)
        self.seen = 0
        self.bad = 0
        self.reasons: dict[str, str] = {}
        self.failure: Exception | None = None
        self._states = np.full(length, _UNSEEN, "uint8")
        self._earlier = _read_list(self.file)
        self._written = 0
        self._lock = threading.RLock()

    def good_one(self, index: int) -> None:
        """Notes that an example was read without trouble. Raises `TooManyBroken` like `bad_one`."""
        if self._states[index] == _UNSEEN:
            self.good_ones(np.array([index]))

    def good_ones(self, indices: np.ndarray) -> None:
        """Notes that examples were read without trouble. Raises `TooManyBroken` like `bad_one`."""
        with self._lock:
            found = np.unique(indices[self._states[indices] == _UNSEEN])
            self.seen += len(found)
            self._states[found] = _GOOD
            self._judge()

    def bad_one(self, index: int, path: str, reason: str) -> None:
        """Notes that an example is broken. Raises `TooManyBroken` if that is one too many."""
        with self._lock:
            if self._states[index] == _BAD:
                return
            self.seen += int(self._states[index] == _UNSEEN)
            self.bad += 1
            self._states[index] = _BAD
            self.reasons[path] = reason
            # A list of thousands is not written anew for each.
            if len(self.reasons) > 1.01 * self._written and self.failure is None:
                self.flush()
            self._judge()

    def add(self, reasons: Mapping[str, str]) -> None:
        """Takes over what ledgers of other processes have found in the same source."""
        with self._lock:
            new = {path: reason for path, reason in reasons.items() if path not in self.reasons}
            self.reasons |= new
            self.bad += len(new)
            self.flush()

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Inside, a stream that this ledger has stopped raises `failure` itself, not what TensorFlow makes of it."""
        try:
            yield
        except tf.errors.OpError:
            if self.failure is not None:
                raise self.failure from None
            raise

    def none_left(self, name: str) -> TooManyBroken:
        """What to raise where a source has no example that can be read."""
        return TooManyBroken(
            f"`source` must hold {self.many} that can be read. Received: {name}, of which all {len(self._states)} "
            f"are broken, {self._example()}"
        )

    def _judge(self) -> None:
        allowed = self.max_bad_fraction * self.seen
        if self.seen < len(self._states):
            allowed += _MARGIN * math.sqrt(allowed)
        if self.seen >= JUDGED_FROM and self.bad > allowed:
            # Once is enough: the program may end while another thread is writing.
            if self.failure is None:
                self.flush()
            raise TooManyBroken(
                f"`max_bad_fraction` is exceeded: {self.bad} of the {self.seen} {self.many} seen are broken, "
                f"{self._example()}. Mend them, or allow more. Received: max_bad_fraction={self.max_bad_fraction}"
            )

    def _example(self) -> str:
        path, reason = next(iter(self.reasons.items()))
        return f"for example {printable(path)}, which {printable(reason)}"

    def flush(self) -> None:
        """Writes the list, beside its place and then renamed; a short list is written whenever it grows."""
        with self._lock:
            self._written = len(self.reasons)
            if self.file is None or not self.reasons:
                return
            entries = self._earlier | {printable(path): printable(text) for path, text in self.reasons.items()}
            _write_list(self.file, entries)


def printable(text: str) -> str:
    r"""The text with whatever could steer a terminal or break a line written as Python would write it.

    Example:
    >>> print(printable("a\x1b[31m\nb"))
    a\x1b[31m\nb
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _write_list(file: str, entries: dict[str, str]) -> None:
    try:
        write_text(file, "".join(f"{path}\t{reason}\n" for path, reason in entries.items()))
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "message", str(error))
        raise OSError(f"`skipped` must be a path that can be written to. Received: {file} ({reason})") from error


def _read_list(file: str | None) -> dict[str, str]:
    if file is None or not tf.io.gfile.exists(file):
        return {}
    with tf.io.gfile.GFile(file) as stream:
        lines = stream.read().splitlines()
    return {path: reason for path, _, reason in (line.partition("\t") for line in lines) if reason}
