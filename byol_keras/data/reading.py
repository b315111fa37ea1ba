"""Single examples: read, decoded, brought to one kind, and written into the ledger where that fails."""

from collections.abc import Callable, Sequence

import numpy as np

from .crops import Crop, crops_of
from .decoding import decode
from .pixels import cast_pixels, with_channels
from .probing import Facts, mixed_channels
from .resizing import whole
from .skipping import Skipped
from .source import Broken, Source

__all__ = ["Reader"]


class Reader:
    """Pictures of a source by number, all of one type and number of channels, None where one is broken.

    Args:
        source: where they come from.
        facts: what `probe` found.
        channels: 1 or 3 to have them changed, or None.
        skipped: the ledger.
        size: of `picture`: height and width.
        cache: whether to keep what `picture` made.
    """

    def __init__(
        self,
        source: Source,
        facts: Facts,
        channels: int | None,
        skipped: Skipped,
        size: tuple[int, int],
        cache: bool = False,
    ) -> None:
        self.source, self.facts, self.channels, self.skipped, self.size = source, facts, channels, skipped, size
        self.dtype = "float32" if facts.deep else "uint8"
        # Memory that nothing has been written to takes no room yet.
        self._cache = np.empty((len(source), *size, facts.channels), self.dtype) if cache else None
        self._cached = np.zeros(len(source), bool)

    def picture(self, index: int) -> np.ndarray | None:
        """The whole picture at `size`, cut to its aspect ratio."""
        if self._cached[index]:
            return self._cache[index]
        made = self._attempt(index, lambda picture: whole(self._decoded(index, picture), self.size))
        if self._cache is not None and made is not None:
            self._cache[index] = made
            self._cached[index] = True
        return made

    def crops(
        self,
        index: int,
        numbers: Sequence[Sequence[float]],
        size: tuple[int, int],
        crop: Crop,
    ) -> list[np.ndarray] | None:
        """One crop for each list of random numbers, see `crops_of`."""

        def make(picture: bytes | np.ndarray) -> list[np.ndarray]:
            return [self._settled(index, made) for made in crops_of(picture, numbers, size, crop, self.channels)]

        return self._attempt(index, make)

    def pictures(self, indices: np.ndarray) -> np.ndarray | None:
        """Many whole pictures at once where they lie in memory at `size` already, else None."""
        if self._cache is not None and self._cached[indices].all():
            return self._cache[indices]
        try:
            pixels = self.source.gather(indices) if self.facts.sides == self.size else None
        except Broken:  # One of them is: it is found by reading them singly.
            return None
        if pixels is None:
            return None
        self.skipped.good_ones(indices)
        return cast_pixels(with_channels(pixels, self.channels), self.dtype)

    def _attempt(self, index: int, make: Callable) -> object | None:
        # Tried each time, also when known to be broken: part of a damaged picture may be sound, and which crops a run
        # gets must not depend on what it has seen before.
        try:
            made = make(self.source.read(index))
        except Broken as error:
            self.skipped.bad_one(index, self.source.path(index), str(error))
            return None
        self.skipped.good_one(index)
        return made

    def _decoded(self, index: int, picture: bytes | np.ndarray) -> np.ndarray:
        return self._settled(index, decode(picture, self.channels) if isinstance(picture, bytes) else picture)

    def _settled(self, index: int, pixels: np.ndarray) -> np.ndarray:
        pixels = with_channels(pixels, self.channels)
        found = pixels.shape[-1]
        if found != self.facts.channels:
            raise ValueError(mixed_channels(self.facts.example, self.facts.channels, self.source.path(index), found))
        return cast_pixels(pixels, self.dtype)
