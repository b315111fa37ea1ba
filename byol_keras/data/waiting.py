"""How long training waited for its data."""

import tensorflow as tf

__all__ = ["Clock", "timed"]


class Clock:
    """Adds up the seconds that whoever iterates a dataset spent waiting for it. Made by `timed`."""

    def __init__(self) -> None:
        with tf.device("CPU:0"):
            self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)

    @property
    def waited(self) -> float:
        """Seconds so far."""
        return float(self._seconds.numpy())

    def add(self, begun: tf.Tensor, ended: tf.Tensor) -> None:
        """Called by the dataset."""
        self._seconds.assign_add(ended - begun)


def timed(dataset: tf.data.Dataset) -> tuple[tf.data.Dataset, Clock]:
    """The same dataset, and a clock that knows how long it was waited for.

    Each element is taken between two looks at the time. Put it last, behind everything that works ahead: what is ready
    before it is asked for is not waited for.

    Args:
        dataset: any.

    Example:
    >>> dataset, clock = timed(tf.data.Dataset.range(3))
    >>> list(dataset.as_numpy_iterator()), clock.waited < 1.0
    ([np.int64(0), np.int64(1), np.int64(2)], True)
    """
    clock = Clock()

    def note(begun: tf.Tensor, element: object, ended: tf.Tensor) -> object:
        clock.add(begun, ended)
        return element

    noted = tf.data.Dataset.zip(_times(), dataset, _times()).map(note)
    options = tf.data.Options()
    # Both would look at the time ahead, while nobody waits yet.
    options.experimental_optimization.inject_prefetch = False
    options.experimental_optimization.map_parallelization = False
    return noted.with_options(options), clock


def _times() -> tf.data.Dataset:
    return tf.data.Dataset.range(tf.int64.max).map(lambda _: tf.timestamp())
