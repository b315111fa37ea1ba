"""Examples that are no pictures, drawn as pictures that a report shows."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

__all__ = ["draw_rows"]

# Of a colour each, on white: values above and below the mean.
_ABOVE, _BELOW = np.array([47, 91, 208]), np.array([210, 85, 58])
_SIDE = 96
# So many standard deviations get the full colour.
_FULL = 2.5
# Of more columns bars would be thinner than a few pixels.
_BARS = 24


def draw_rows(rows: np.ndarray, mean: Sequence[float], deviation: Sequence[float]) -> np.ndarray:
    """Rows of numbers as pictures, uint8 RGB: bars up and down from each column's mean, or of many columns a carpet.

    Args:
        rows: shape `(n, columns)`.
        mean: of every column.
        deviation: standard deviation of every column.

    Example:
    >>> draw_rows(np.zeros((5, 4)), [0.0] * 4, [1.0] * 4).shape
    (5, 96, 96, 3)
    """
    share = np.clip((np.asarray(rows, "float64") - np.array(mean)) / np.array(deviation) / _FULL, -1.0, 1.0)
    return (_bars if share.shape[1] <= _BARS else _carpet)(share)


def _bars(share: np.ndarray) -> np.ndarray:
    heights = np.round(share * (_SIDE // 2 - 2)).astype(int)
    edges = np.linspace(0, _SIDE, share.shape[1] + 1).round().astype(int)
    pictures = np.full((len(share), _SIDE, _SIDE, 3), 255, "uint8")
    lines = np.arange(_SIDE)[None, :]
    for column, (left, right) in enumerate(itertools.pairwise(edges)):
        height = heights[:, column, None]
        above = (lines <= _SIDE // 2) & (lines >= _SIDE // 2 - height) & (height > 0)
        below = (lines >= _SIDE // 2) & (lines <= _SIDE // 2 - height) & (height < 0)
        gap = max(left + 1, right - 1)
        for mask, colour in ((above, _ABOVE), (below, _BELOW)):
            pictures[:, :, left:gap] = np.where(mask[:, :, None, None], colour, pictures[:, :, left:gap])
    pictures[:, _SIDE // 2] = 120
    return pictures


def _carpet(share: np.ndarray) -> np.ndarray:
    width = math.ceil(math.sqrt(share.shape[1]))
    height = math.ceil(share.shape[1] / width)
    cells = np.zeros((len(share), height * width))
    cells[:, : share.shape[1]] = share
    cells = cells.reshape(len(share), height, width, 1)
    colour = np.where(cells > 0.0, _ABOVE, _BELOW)
    pictures = (255.0 - np.abs(cells) * (255.0 - colour)).round().astype("uint8")
    scale = max(1, _SIDE // max(height, width))
    return pictures.repeat(scale, axis=1).repeat(scale, axis=2)
