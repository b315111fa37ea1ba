"""Single pictures: decoded, and brought to one type, one size and one number of channels."""

from collections.abc import Sequence

import numpy as np

from .crops import Crop, crops_of
from .decoding import decode
from .pixels import cast_pixels, with_channels
from .probing import Facts, mixed_channels
from .reading import Reader
from .resizing import whole
from .skipping import Skipped
from .source import Broken, Source

__all__ = ["PictureReader"]


class PictureReader(Reader):
    """Pictures of a source by number, all of one type, size and number of channels, None where one is broken.

    Args:
        source: where they come from.
        facts: what `probe` found.
        channels: 1 or 3 to have them changed, or None.
        skipped: the ledger.
        size: height and width.
        cache: whether to keep what `one` made.
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
        super().__init__(source, (*size, facts.channels), "float32" if facts.deep else "uint8", skipped)
        self.facts, self.channels, self.size = facts, channels, size
        # Memory that nothing has been written to takes no room yet.
        self._cache = np.empty((len(source), *self.shape), self.dtype) if cache else None
        self._cached = np.zeros(len(source), bool)

    def one(self, index: int) -> np.ndarray | None:
        """The whole picture, cut to the aspect ratio of `size`."""
        if self._cached[index]:
            return self._cache[index]
        made = self.attempt(index, lambda picture: whole(self._decoded(index, picture), self.size))
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

        return self.attempt(index, make)

    def many(self, indices: np.ndarray) -> np.ndarray | None:
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

    def _decoded(self, index: int, picture: bytes | np.ndarray) -> np.ndarray:
        return self._settled(index, decode(picture, self.channels) if isinstance(picture, bytes) else picture)

    def _settled(self, index: int, pixels: np.ndarray) -> np.ndarray:
        pixels = with_channels(pixels, self.channels)
        found = pixels.shape[-1]
        if found != self.facts.channels:
            raise ValueError(mixed_channels(self.facts.example, self.facts.channels, self.source.path(index), found))
        return cast_pixels(pixels, self.dtype)
