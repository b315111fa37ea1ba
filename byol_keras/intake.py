"""What `fit` was given: arrays made into batches, and one batch taken out to look at."""

import itertools
import math
from collections.abc import Generator, Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

__all__ = ["ArrayBatches", "check_arrays", "chunks", "first_batch", "is_arrays", "split_validation", "with_strings"]

_CHUNK = 64 * 2**20  # bytes


def is_arrays(x: object) -> bool:
    """Whether `x` is one array, or a structure of arrays that share their first dimension."""
    if isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset, keras.utils.PyDataset, Iterator)):
        return False
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(hasattr(leaf, "shape") and len(leaf.shape) > 0 for leaf in leaves)


def check_arrays(examples: object, argument: str) -> None:
    """Refuses what is no array, nor a structure of arrays: a list, or a dataset."""
    if not is_arrays(examples):
        raise ValueError(
            f"`{argument}` must be an array or a structure of arrays, strings as `np.array(texts)`. "
            f"Received: {argument} of type {type(examples).__name__}"
        )


def with_strings(x: object) -> object:
    """Strings in a list or an array as a tensor, of which alone Keras takes all kinds; anything else as it is.

    Example:
    >>> with_strings(["see", "it"])
    <tf.Tensor: shape=(2,), dtype=string, numpy=array([b'see', b'it'], dtype=object)>
    """
    if isinstance(x, list) and any(isinstance(text, str | bytes) for text in x):
        x = np.array(x, "object")
    return keras.tree.map_structure(_as_tensor, x)


def _as_tensor(leaf: object) -> object:
    if not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "OSU":
        return leaf
    return tf.constant(leaf) if all(isinstance(text, str | bytes) for text in leaf.ravel()) else leaf


def _length(arrays: object, argument: str = "x") -> int:
    lengths = {leaf.shape[0] for leaf in keras.tree.flatten(arrays)}
    if len(lengths) > 1:
        raise ValueError(f"`{argument}` holds arrays of different lengths. Received: lengths {sorted(lengths)}")
    return lengths.pop()


def split_validation(x: object, fraction: float) -> tuple[object, object]:
    """Keras' rule for `validation_split`: the last `fraction` of the examples, before shuffling."""
    length = _length(x)
    kept = math.floor(length * (1.0 - fraction))
    if not 0 < kept < length:
        raise ValueError(
            f"`validation_split` must leave examples on both sides of {length}. Received: validation_split={fraction}"
        )
    split = (lambda leaf: leaf[:kept]), (lambda leaf: leaf[kept:])
    return tuple(keras.tree.map_structure(part, x) for part in split)


def chunks(arrays: object, size: int | None = None, argument: str = "x") -> Iterator:
    """The arrays in slices of `size` examples, by default of 64 MiB: looking at all of them takes little memory.

    Args:
        arrays: an array, or a structure of arrays of one length.
        size: examples in a slice.
        argument: what the user calls the arrays.
    """
    size = size or max(1, _CHUNK // max(1, _bytes_per_example(arrays)))
    for start in range(0, _length(arrays, argument), size):
        yield keras.tree.map_structure(lambda leaf: leaf[start : start + size], arrays)  # noqa: B023


def _bytes_per_example(arrays: object) -> int:
    return sum(np.asarray(leaf[:1]).nbytes for leaf in keras.tree.flatten(arrays))


def first_batch(x: object) -> tuple[object, object]:
    """The first element of a dataset or generator (None if it has none), and the data with nothing missing."""
    if isinstance(x, Iterator):
        head = next(x, None)
        return head, _with_head(head, x)
    if isinstance(x, keras.utils.PyDataset):
        return (None if x.num_batches == 0 else x[0]), x
    if not isinstance(x, Iterable):
        raise TypeError(f"`x` must be arrays, a dataset or a generator. Received: x of type {type(x).__name__}")
    return next(iter(x), None), x


def _with_head(head: object, rest: Iterator) -> Generator:
    # Keras takes generators of tuples only.
    for batch in itertools.chain([head], rest):
        yield batch if isinstance(batch, tuple) else (batch,)


def _narrowed(leaf: object) -> tf.Tensor:
    # As Keras does in `predict`: one array is not to mean two dtypes.
    tensor = tf.convert_to_tensor(leaf)
    return tf.cast(tensor, keras.config.floatx()) if tensor.dtype == tf.float64 else tensor


class ArrayBatches(keras.callbacks.Callback):
    """Arrays in full batches, in an order that is a function of `(seed, epoch)` and nothing else.

    The last partial batch of an epoch is dropped: batch statistics of another batch size would be noise,
    and a second shape would be compiled. As the order differs between epochs no example is left out for good.

    It is a callback because Keras tells only callbacks which epoch begins.

    Args:
        arrays: an array, or a structure of arrays of one length.
        batch_size: examples per batch.
        shuffle: whether to permute the examples anew in each epoch.
        seed: int, what the permutations depend on.
    """

    def __init__(self, arrays: object, batch_size: int, shuffle: bool, seed: int) -> None:
        super().__init__()
        self.length = _length(arrays)
        if self.length == 0:
            raise ValueError("`x` is empty: there is nothing to train on. Received: an array of length 0")
        if not 1 <= batch_size <= self.length:
            raise ValueError(
                f"`batch_size` must lie between 1 and the {self.length} examples of `x`. "
                f"Received: batch_size={batch_size}"
            )
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        with tf.device("CPU:0"):
            self._arrays = keras.tree.map_structure(_narrowed, arrays)
            self._epoch = tf.Variable(0, dtype=tf.int32, trainable=False)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch.assign(epoch)

    def _order(self, epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.range(self.length)
        if self.shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seed=tf.stack([self.seed, epoch]))
        return tf.data.Dataset.from_tensor_slices(order).batch(self.batch_size, drop_remainder=True)

    def _gather(self, indices: tf.Tensor) -> object:
        return keras.tree.map_structure(lambda array: tf.gather(array, indices), self._arrays)

    def epoch(self) -> tf.data.Dataset:
        """One epoch per iteration: the one that Keras said has begun."""
        now = tf.data.Dataset.range(1).map(lambda _: self._epoch.read_value())
        batches = self._gathered(now.flat_map(self._order))
        return batches.apply(tf.data.experimental.assert_cardinality(self.length // self.batch_size))

    def endless(self, start: int) -> tf.data.Dataset:
        """One epoch after another, from batch number `start` on: what `steps_per_epoch` is measured out from."""
        first, skipped = divmod(start, self.length // self.batch_size)
        epochs = tf.data.Dataset.range(first, tf.int32.max, output_type=tf.int32)
        return self._gathered(epochs.flat_map(self._order).skip(skipped))

    def _gathered(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        options = tf.data.Options()
        # As in `data.stream`: what tunes may overlook the end for up to a minute.
        options.autotune.enabled = False
        return batches.map(self._gather, num_parallel_calls=2).prefetch(2).with_options(options)
