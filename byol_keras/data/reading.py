"""Single examples: read, made into an array, and written into the ledger where that fails."""

from collections.abc import Callable

import numpy as np

from .skipping import Skipped
from .source import Broken, Source

__all__ = ["Reader"]


class Reader:
    """Examples of a source by number, all of one shape and type, None where one is broken.

    Args:
        source: where they come from.
        shape: of one example.
        dtype: of all.
        skipped: the ledger.
        decode: makes an array of that shape and type of what the source has read; raises `Broken`. Default None: what
            the source reads is such an array.
    """

    def __init__(
        self,
        source: Source,
        shape: tuple[int, ...],
        dtype: str,
        skipped: Skipped,
        decode: Callable[[bytes | np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.source, self.shape, self.dtype, self.skipped = source, shape, dtype, skipped
        self._decode = decode

    def one(self, index: int) -> np.ndarray | None:
        """The whole example."""
        return self.attempt(index, self._decode or (lambda found: found))

    def many(self, indices: np.ndarray) -> np.ndarray | None:
        """Many whole examples at once where they lie in memory as they are wanted, else None."""
        try:
            values = self.source.gather(indices) if self._decode is None else None
        except Broken:  # One of them is: it is found by reading them singly.
            return None
        if values is not None:
            self.skipped.good_ones(indices)
        return values

    def attempt(self, index: int, make: Callable) -> object | None:
        """What `make` makes of an example; None, and a line in the ledger, where it is broken."""
        # Tried each time, also when known to be broken: part of a damaged picture may be sound, and which crops a run
        # gets must not depend on what it has seen before.
        try:
            made = make(self.source.read(index))
        except Broken as error:
            self.skipped.bad_one(index, self.source.path(index), str(error))
            return None
        self.skipped.good_one(index)
        return made
