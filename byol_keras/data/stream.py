"""Functions that make a batch from its number, turned into datasets."""

import atexit
import threading
import weakref
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

__all__ = ["Spec", "ahead", "endless"]

_AT_ONCE = 2
_LONGEST_BATCH = 60.0

Spec = tuple[tuple[int | None, ...], str]
"""Shape and type of one array of a batch."""


class _Calls:
    """Counts the calls of loaders by TensorFlow's threads, and lets no more of them begin when the program ends.

    A thread that asks for Python after Python has ended would wait forever, and the program with it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._ending = False

    def make(self, load: Callable, number: np.ndarray) -> Sequence[np.ndarray]:
        with self._changed:
            if self._ending:
                raise RuntimeError("the program is ending")
            self._running += 1
        try:
            return load(number)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.wait_for(lambda: self._running == 0, timeout=_LONGEST_BATCH)


_calls = _Calls()
atexit.register(_calls.end)


def endless(load: Callable[[int], Sequence[np.ndarray]], start: int, specs: Sequence[Spec]) -> tf.data.Dataset:
    """Batches number `start`, `start + 1` and so on without end, each a tuple of arrays."""
    batches = ahead(load, tf.data.Dataset.range(start, tf.int64.max), specs)
    return batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))


def ahead(
    load: Callable[[int], Sequence[np.ndarray]], numbers: tf.data.Dataset, specs: Sequence[Spec]
) -> tf.data.Dataset:
    """`load` of each number, in order; two are being made while two more are waiting."""
    # TensorFlow keeps every function it is given until the process ends, and with it all that the function holds.
    # So it is lent a reference; the dataset, which can end, has the function.
    borrowed = weakref.ref(load)

    def fetch(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        types = [tf.as_dtype(dtype) for _, dtype in specs]
        tensors = tf.numpy_function(lambda number: _calls.make(borrowed(), number), [number], types)
        return tuple(tf.ensure_shape(tensor, shape) for tensor, (shape, _) in zip(tensors, specs, strict=True))

    batches = numbers.map(fetch, num_parallel_calls=_AT_ONCE, deterministic=True)
    batches.load = load
    options = tf.data.Options()
    # Loaders block the threads that they run on: TensorFlow's own are left to the rest of the pipeline.
    options.threading.private_threadpool_size = 2 * _AT_ONCE
    # There is nothing left to tune, and on busy cores the thread that tunes may overlook for up to a minute that the
    # iterator has been dropped, which whoever drops it waits for.
    options.autotune.enabled = False
    return batches.prefetch(_AT_ONCE).with_options(options)
