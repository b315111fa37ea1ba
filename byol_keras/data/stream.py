"""Functions that make a batch from its number, turned into datasets."""

import weakref
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

__all__ = ["ahead", "endless"]

_AT_ONCE = 2

Spec = tuple[tuple[int | None, ...], str]
"""Shape and type of one array of a batch."""


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
        tensors = tf.numpy_function(lambda number: borrowed()(number), [number], types)
        return tuple(tf.ensure_shape(tensor, shape) for tensor, (shape, _) in zip(tensors, specs, strict=True))

    batches = numbers.map(fetch, num_parallel_calls=_AT_ONCE, deterministic=True)
    batches.load = load
    options = tf.data.Options()
    # Loaders block the threads that they run on: TensorFlow's own are left to the rest of the pipeline.
    options.threading.private_threadpool_size = 2 * _AT_ONCE
    return batches.prefetch(_AT_ONCE).with_options(options)
