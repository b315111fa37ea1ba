"""Examples that are no pictures, drawn as pictures that a report shows."""

import itertools
import math
import os
import textwrap
import warnings
from collections.abc import Sequence

import numpy as np

__all__ = ["draw_rows", "draw_series", "draw_spectrograms", "draw_texts"]

# Colours of values above and below the mean, on white.
_ABOVE, _BELOW = np.array([47, 91, 208]), np.array([210, 85, 58])
_DARK = np.array([21, 24, 30])
_LINES = (_ABOVE, _BELOW, np.array([10, 115, 82]), np.array([154, 87, 0]))
_SIDE = 96
_READ, _LETTERS, _TEXT_LINES = 400, 15, 7
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


def draw_series(series: np.ndarray, mean: Sequence[float], deviation: Sequence[float]) -> np.ndarray:
    """Series as pictures, uint8 RGB: a line for each of the first channels, as long as the series is.

    Args:
        series: shape `(n, steps, channels)`, zeros at the end are padding.
        mean: of every channel.
        deviation: standard deviation of every channel.

    Example:
    >>> draw_series(np.ones((2, 30, 1)), [0.0], [1.0]).shape
    (2, 96, 96, 3)
    """
    from PIL import Image, ImageDraw

    series = np.asarray(series, "float64")
    heights = _SIDE * (0.5 - 0.45 * np.clip((series - np.array(mean)) / np.array(deviation) / 3.0, -1.0, 1.0))
    places = np.linspace(2, _SIDE - 3, series.shape[1])
    pictures = []
    for values, lines in zip(series, heights, strict=True):
        image = Image.new("RGB", (_SIDE, _SIDE), "white")
        draw = ImageDraw.Draw(image)
        real = np.flatnonzero(values.any(axis=-1))
        length = real[-1] + 1 if len(real) else 0
        for line, colour in zip(lines[:length].T, _LINES, strict=False):
            draw.line(list(zip(places[:length], line, strict=True)), fill=tuple(colour), width=2)
        pictures.append(np.asarray(image))
    return np.stack(pictures)


def draw_spectrograms(spectrograms: np.ndarray) -> np.ndarray:
    """Spectrograms as pictures, uint8 RGB: time to the right, frequency up, the louder the darker.

    Args:
        spectrograms: shape `(n, mels, time)`, normalised.

    Example:
    >>> draw_spectrograms(np.zeros((2, 64, 100))).shape
    (2, 96, 96, 3)
    """
    from PIL import Image

    share = np.clip((np.asarray(spectrograms, "float64") + _FULL) / (2 * _FULL), 0.0, 1.0)[:, ::-1, :, None]
    colours = (255.0 - share * (255.0 - _DARK)).round().astype("uint8")
    return np.stack([np.asarray(Image.fromarray(colour).resize((_SIDE, _SIDE))) for colour in colours])


def draw_texts(texts: Sequence[str]) -> np.ndarray:
    """The beginnings of texts as pictures, uint8 RGB, in a font that comes with Matplotlib.

    It has Latin, Greek, Cyrillic, Hebrew and Arabic letters; those that it lacks, such as Chinese, Japanese and Korean
    ones, are drawn as boxes, with a warning.

    Args:
        texts: of any length.

    Example:
    >>> draw_texts(["Learn to see.", "A text."]).shape
    (2, 96, 96, 3)
    """
    import matplotlib
    from matplotlib.ft2font import FT2Font
    from PIL import Image, ImageDraw, ImageFont

    path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    font, letters = ImageFont.truetype(path, size=10), FT2Font(path).get_charmap()
    texts = [text[:_READ] for text in texts]
    if any(letter.isalpha() and ord(letter) not in letters for letter in set().union(*texts)):
        warnings.warn("Letters that the font of drawn texts lacks are drawn as boxes", stacklevel=2)
    pictures = []
    for text in texts:
        image = Image.new("RGB", (_SIDE, _SIDE), "white")
        lines = textwrap.wrap(text, width=_LETTERS)[:_TEXT_LINES]
        ImageDraw.Draw(image).multiline_text((3, 2), "\n".join(lines), fill=tuple(_DARK), font=font, spacing=2)
        pictures.append(np.asarray(image))
    return np.stack(pictures)
