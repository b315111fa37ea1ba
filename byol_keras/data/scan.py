"""What a scan of a source has found."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .skipping import JUDGED_FROM

__all__ = ["NAMED", "Duplicates", "Scan"]

NAMED = 10
"""How many broken pictures, and how many groups of duplicates, are kept by name; all are counted."""

# Of 16 pixels the last maps of a small ResNet are 4 x 4 already.
_TINY = 16


@dataclass(frozen=True)
class Duplicates:
    """Pictures whose pixels are exactly equal.

    Args:
        groups: number of groups of equal pictures.
        copies: pictures that could be left out without losing one: all but one of each group.
        named: paths of the first few of each of the first few groups.
        conflicts: groups whose pictures have different classes.
    """

    groups: int
    copies: int
    named: tuple[tuple[str, ...], ...]
    conflicts: int


@dataclass(frozen=True)
class Scan:
    """Facts about all examples of a source. Made by `scan`.

    Args:
        name: of the source.
        examples: how many there are, broken ones included.
        reasons: path and reason of the first few broken ones.
        sides: int array `(readable, 2)`, height and width of each picture that could be decoded, in order.
        kinds: how many there are of each format: `"JPEG"`, `"PNG"`, `"array"`, ...
        modes: how many are stored in each way: Pillow's words for pictures, `"5 channels"` for arrays.
        channels: how many there are of each number of channels, as decoded.
        deep: how many have 16 bits per channel or floats.
        duplicates: pictures that are there more than once.
        classes: readable examples of each class, None where there are no labels.

    Example:
    >>> nothing = Duplicates(groups=0, copies=0, named=(), conflicts=0)
    >>> sides = np.array([[10, 10], [40, 30], [64, 64]])
    >>> found = Scan("pictures", 4, (("a.png", "is empty"),), sides, {"PNG": 3}, {"RGB": 3}, {3: 3}, 0, nothing, None)
    >>> found.broken, found.median, found.tiny(32)
    (1, (40, 30), 1)
    """

    name: str
    examples: int
    reasons: tuple[tuple[str, str], ...]
    sides: np.ndarray
    kinds: Mapping[str, int]
    modes: Mapping[str, int]
    channels: Mapping[int, int]
    deep: int
    duplicates: Duplicates
    classes: Mapping[str, int] | None

    @property
    def readable(self) -> int:
        """How many can be decoded."""
        return len(self.sides)

    @property
    def broken(self) -> int:
        """How many can't."""
        return self.examples - self.readable

    @property
    def smallest(self) -> tuple[int, int]:
        """Height and width of the picture of the smallest area."""
        return self._at(0.0)

    @property
    def median(self) -> tuple[int, int]:
        """Height and width of the one in the middle."""
        return self._at(0.5)

    @property
    def largest(self) -> tuple[int, int]:
        """Height and width of the one of the largest area."""
        return self._at(1.0)

    def _at(self, share: float) -> tuple[int, int]:
        order = np.argsort(self.sides.astype("int64").prod(axis=1), kind="stable")
        height, width = self.sides[order[int(share * (len(order) - 1))]].tolist()
        return height, width

    def tiny(self, size: int) -> int:
        """How many have a side of less than 16 pixels, or of less than half of the `size` they are trained at."""
        return int((self.sides.min(axis=1, initial=2**30) < max(_TINY, size / 2)).sum())

    def problems(self, max_bad_fraction: float = 0.01, channels: int | None = None) -> list[str]:
        """Why training would stop: a sentence for each reason, none where it would not.

        Args:
            max_bad_fraction: the largest share of broken pictures, of 200 or more. Default 0.01.
            channels: 1 or 3 if they are changed to that many. Default None.
        """
        if not self.readable:
            return ["None of the pictures can be read."]
        found = []
        if self.examples >= JUDGED_FROM and self.broken > max_bad_fraction * self.examples:
            found.append(
                f"{self.broken:,} of {self.examples:,} pictures are broken, more than the {max_bad_fraction:.1%} that "
                "are allowed: mend or remove them, or allow more with --max-bad-fraction."
            )
        found_channels = set(self.channels)
        if len(found_channels) > 1 and not (channels and found_channels <= {1, 3}):
            counts = ", ".join(f"{count:,} with {number}" for number, count in self.channels.items())
            remedy = ", or say --channels 3" if found_channels <= {1, 3} else ""
            found.append(f"The pictures differ in their number of channels ({counts}): keep one kind{remedy}.")
        return found
