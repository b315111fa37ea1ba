"""Which example comes when: a function of (seed, epoch) and nothing else."""

import threading

import numpy as np

__all__ = ["Order", "draws"]

_WORD = 2**64


def draws(seed: int, epoch: int, position: int, view: int, count: int) -> list[float]:
    """Uniform numbers in [0, 1) for one view of the example at one position of an epoch."""
    return _uniform(_philox(seed, epoch, counter=[0, position, view + 1, 0]).random_raw(count)).tolist()


def _philox(seed: int, epoch: int, counter: list[int]) -> np.random.Philox:
    # Counters differ in their upper words, of which a stream never gets to the next.
    return np.random.Philox(key=np.array([seed % _WORD, epoch % _WORD], "uint64"), counter=np.array(counter, "uint64"))


def _uniform(words: np.ndarray) -> np.ndarray:
    return (words >> np.uint64(11)) * 2.0**-53


class Order:
    """Permutations of n examples, one for each epoch.

    They come from the raw words of Philox, which NumPy promises never to change (its `permutation` may).

    Args:
        length: n, number of examples.
        seed: int.

    Example:
    >>> order = Order(4, seed=1)
    >>> sorted(order.epoch(0).tolist()), order.epoch(3).tolist() == Order(4, seed=1).epoch(3).tolist()
    ([0, 1, 2, 3], True)
    """

    def __init__(self, length: int, seed: int) -> None:
        self.length = length
        self.seed = seed
        self._lock = threading.Lock()
        self._recent: dict[int, np.ndarray] = {}

    def epoch(self, epoch: int) -> np.ndarray:
        """The permutation of one epoch; that one and the one before stay in memory."""
        with self._lock:
            if epoch not in self._recent:
                words = _philox(self.seed, epoch, counter=[0, 0, 0, 0]).random_raw(self.length)
                kept = {old: order for old, order in self._recent.items() if old == epoch - 1}
                self._recent = kept | {epoch: np.argsort(words, kind="stable").astype("int32")}
            return self._recent[epoch]
