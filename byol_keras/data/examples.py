"""A source streamed as arrays of one shape: the door through which training, evaluation and embedding see examples."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral

import numpy as np
import tensorflow as tf

from ..threads import cores
from .order import Order
from .reading import Reader
from .skipping import Skipped
from .source import Source
from .stream import Spec, ahead, endless

__all__ = ["Examples", "full_batches"]


class Examples:
    """The examples of a source, as arrays of one shape, streamed; broken ones are skipped and listed.

    Order is a function of `seed` and of the place in training only: batch number k can be made without those before
    it. Where an example is broken, the next good one in the order of that epoch stands in for it.

    Args:
        source: where the examples come from.
        reader: makes an array of each.
        skipped: the ledger that the reader writes into.
        seed: int, what the order depends on. Default 0.

    Example:
    >>> from byol_keras.data import Rows
    >>> rows = Rows(np.arange(12.0).reshape(6, 2))
    >>> skipped = Skipped(len(rows))
    >>> examples = Examples(rows, Reader(rows, (2,), "float32", skipped), skipped)
    >>> next(iter(examples.training(batch_size=3))).shape
    TensorShape([3, 2])
    """

    def __init__(self, source: Source, reader: Reader, skipped: Skipped, seed: int = 0) -> None:
        self.source, self.skipped, self.seed = source, skipped, int(seed)
        self.shape, self.dtype = reader.shape, reader.dtype
        self._reader = reader
        self._order = Order(len(source), self.seed)
        self._threads = cores()
        self._pool = ThreadPoolExecutor(self._threads, "examples")

    def __len__(self) -> int:
        return len(self.source)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Full batches in an epoch; the rest is dropped, another one each time."""
        return full_batches(self.source, batch_size)

    def training(self, batch_size: int, start: int = 0, part: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """Endless batches for training from global batch number `start` on.

        Args:
            batch_size: examples per step, of all processes together.
            start: number of the first batch. Default 0.
            part: (p, n) where n processes share each batch, for the rows of process p: nothing else is read, and no
                example by two of them. Default (0, 1).
        """
        steps = self.steps_per_epoch(batch_size)
        rows = _share(batch_size, *part)
        specs = self._specs(len(rows))

        def load(number: int) -> list[np.ndarray]:
            epoch, batch = divmod(int(number), steps)
            return self._make(epoch, batch * batch_size + rows.start, [_empty(*spec) for spec in specs])

        batches = endless(self._noting_failure(load), start, specs)
        return batches if len(specs) > 1 else batches.map(lambda values: values)

    def arrays(self, indices: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Whole examples, their labels (or None) and their numbers, all in memory; broken ones left out.

        Args:
            indices: numbers of the examples wanted. Default None: all.
        """
        indices = np.arange(len(self)) if indices is None else np.asarray(indices, "int64")
        values, kept = self._some(indices)
        labels = self.source.labels
        return values, None if labels is None else labels[kept], kept

    def whole(self, batch_size: int) -> tf.data.Dataset:
        """`(examples, indices)` once through in order, broken ones left out, the last batch as long as it comes."""

        def load(number: int) -> tuple[np.ndarray, np.ndarray]:
            return self._some(np.arange(number * batch_size, min((number + 1) * batch_size, len(self))))

        numbers = tf.data.Dataset.range(math.ceil(len(self) / batch_size))
        specs = [((None, *self.shape), self.dtype), ((None,), "int64")]
        return ahead(self._noting_failure(load), numbers, specs).rebatch(batch_size)

    def _specs(self, count: int) -> list[Spec]:
        """Of the arrays of one batch for training."""
        return [((count, *self.shape), self.dtype)]

    def _make(self, epoch: int, first: int, batch: list[np.ndarray]) -> list[np.ndarray]:
        """Fills the arrays of a batch with the examples from position `first` of an epoch on."""
        return self._filled(self._reader, epoch, first, batch[0])

    def _filled(self, reader: Reader, epoch: int, first: int, values: np.ndarray) -> list[np.ndarray]:
        gathered = reader.many(self._order.epoch(epoch)[first : first + len(values)])
        if gathered is not None:
            return [gathered]

        def fill(row: int) -> None:
            values[row] = self._first_good(epoch, first + row, reader.one)

        self._spread(fill, len(values))
        return [values]

    def _first_good(self, epoch: int, position: int, make: Callable) -> object:
        order = self._order.epoch(epoch)
        for offset in range(len(order)):
            made = make(int(order[(position + offset) % len(order)]))
            if made is not None:
                return made
        raise self.skipped.none_left(self.source.name)

    def _some(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gathered = self._reader.many(indices)
        if gathered is not None:
            return gathered, indices
        values = _empty((len(indices), *self.shape), self.dtype)
        good = np.zeros(len(indices), bool)

        def fill(row: int) -> None:
            made = self._reader.one(int(indices[row]))
            if made is not None:
                values[row], good[row] = made, True

        self._spread(fill, len(indices))
        return (values, indices) if good.all() else (values[good], indices[good])

    def _spread(self, work: Callable[[int], None], count: int) -> None:
        # A few rows at a time: handing over a small picture takes as long as decoding it.
        step = max(1, math.ceil(count / (4 * self._threads)))

        def some(start: int) -> None:
            for row in range(start, min(start + step, count)):
                work(row)

        for _ in self._pool.map(some, range(0, count, step)):
            pass

    def _noting_failure(self, load: Callable) -> Callable:
        def noting(number: int) -> Sequence[np.ndarray]:
            try:
                return load(number)
            except Exception as error:
                self.skipped.failure = error
                raise

        return noting


def full_batches(source: Source, batch_size: int) -> int:
    """How many full batches a source has; a ValueError where there is not one."""
    if not isinstance(batch_size, Integral) or not 1 <= batch_size <= len(source):
        raise ValueError(
            f"`batch_size` must lie between 1 and the {len(source)} {source.many} of {source.name}. "
            f"Received: batch_size={batch_size}"
        )
    return len(source) // int(batch_size)


def _empty(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.empty(shape, "object" if dtype == "string" else dtype)


def _share(batch_size: int, process: int, processes: int) -> range:
    """The rows of a batch that belong to one of several processes."""
    if batch_size % processes:
        raise ValueError(
            f"`batch_size` must be a multiple of the {processes} processes that share a batch. "
            f"Received: batch_size={batch_size}"
        )
    return range(batch_size)[process * batch_size // processes : (process + 1) * batch_size // processes]
