"""Examples that are longer than what is trained on."""

from collections.abc import Callable

import numpy as np

from .examples import Examples
from .order import draws
from .reading import Reader
from .skipping import Skipped
from .source import Source

__all__ = ["Windows"]


class Windows(Examples):
    """Examples that show another random window of themselves each time they are trained on.

    Which one is a function of the seed and of the place in training, as the order is. Outside of training the reader
    says what is seen.

    Args:
        source: where the examples come from.
        reader: makes an array of each.
        skipped: the ledger that the reader writes into.
        cut: makes the window of what the source has read that begins at a place in [0, 1), a share of all the places
            where one can begin; raises `Broken`.
        seed: int, what order and windows depend on. Default 0.

    Example:
    >>> from byol_keras.data import Rows
    >>> rows = Rows(np.arange(40.0).reshape(4, 10))
    >>> skipped = Skipped(len(rows))
    >>> reader = Reader(rows, (3,), "float32", skipped, decode=lambda row: row[:3])
    >>> windows = Windows(rows, reader, skipped, cut=lambda row, place: row[int(8 * place) :][:3])
    >>> batch = next(iter(windows.training(batch_size=4)))
    >>> bool((batch[:, 2] - batch[:, 0] == 2).numpy().all()), windows.arrays()[0][0]
    (True, array([0., 1., 2.], dtype=float32))
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        skipped: Skipped,
        cut: Callable[[bytes | np.ndarray, float], np.ndarray],
        seed: int = 0,
    ) -> None:
        super().__init__(source, reader, skipped, seed)
        self._cut = cut

    def _make(self, epoch: int, first: int, batch: list[np.ndarray]) -> list[np.ndarray]:
        (values,) = batch

        def fill(row: int) -> None:
            (place,) = draws(self.seed, epoch, first + row, view=0, count=1)

            def window(index: int) -> np.ndarray:
                return self._reader.attempt(index, lambda found: self._cut(found, place))

            values[row] = self._first_good(epoch, first + row, window)

        self._spread(fill, len(values))
        return batch
