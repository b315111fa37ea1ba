"""A small picture set made in memory, for demonstrations without a download."""

from collections.abc import Callable

import numpy as np

from ..arguments import check_positive

__all__ = ["shape_masks", "shapes"]

CELLS = 16
NOISE = 24
CHUNK = 512


def shapes(count: int, seed: int = 0, size: int = 32) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Draws pictures that are each strewn with copies of one shape; the class is the kind of shape.

    Copies differ in position, angle, scale and colour; pictures differ in density, in noise, in the colours and
    slope of their background, and in whether the shapes are lighter or darker than it. Neighbours in raw
    pixels therefore share colours, seldom the shape, while every crop shows some copies.

    Args:
        count: Number of pictures, at least 1.
        seed: What everything depends on: equal arguments give equal pictures. Default 0.
        size: Side of the pictures in pixels. Default 32, where shapes are about 5 to 12 pixels wide.

    Returns:
        Pictures, uint8 of shape `(count, size, size, 3)`; classes, int64 of shape `(count,)`; and their names.

    Example:
    >>> from byol_keras.data.shapes import shapes
    >>> images, labels, names = shapes(100)
    >>> images.shape, names[labels[0]] in names
    ((100, 32, 32, 3), True)
    """
    images, _, labels = _drawn(count, seed, size)
    return images, labels, tuple(KINDS)


def shape_masks(count: int, seed: int = 0, size: int = 32) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The pictures of `shapes`, with what each pixel shows instead of one class for all: for segmentation.

    Args:
        count: Number of pictures, at least 1.
        seed: As in `shapes`, and the same pictures. Default 0.
        size: Side of the pictures in pixels. Default 32.

    Returns:
        Pictures, uint8 of shape `(count, size, size, 3)`; classes of pixels, uint8 of shape `(count, size, size)`, 0
        for the background; and the names of the classes.

    Example:
    >>> from byol_keras.data.shapes import shape_masks
    >>> images, masks, names = shape_masks(4)
    >>> masks.shape, names[:3], len(names)
    ((4, 32, 32), ('background', 'disc', 'ring'), 9)
    """
    images, inside, labels = _drawn(count, seed, size)
    masks = np.where(inside, 1 + labels[:, None, None], 0).astype("uint8")
    return images, masks, ("background", *KINDS)


def _drawn(count: int, seed: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures, which of their pixels a shape covers for the greater part, and the kinds of shapes."""
    check_positive(count=count, size=size)
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(KINDS), count)
    images, inside = np.empty((count, size, size, 3), "uint8"), np.empty((count, size, size), bool)
    for label, outline in enumerate(KINDS.values()):
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), CHUNK):
            chunk = members[start : start + CHUNK]
            images[chunk], inside[chunk] = _draw(outline, len(chunk), size, generator)
    return images, inside, labels


def _draw(outline: Callable, count: int, size: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of one class and their masks; `outline(u, v)` is negative inside a shape of radius about 1."""
    axis = np.arange(size, dtype="float32") - (size - 1) / 2
    rows, columns = axis[:, None], axis[None, :]
    cell = _uniform(generator, 7, 12, count) * size / 32
    x, y = _turn(columns, rows, _uniform(generator, 0, 2 * np.pi, count))
    x = x / cell + _uniform(generator, CELLS, CELLS + 1, count)
    y = y / cell + _uniform(generator, CELLS, CELLS + 1, count)
    # One copy lives in each cell of a turned lattice, so a pixel need only look at its own cell's copy.
    copy = (np.arange(count)[:, None, None], np.floor(x).astype(int) % CELLS, np.floor(y).astype(int) % CELLS)
    inside = _coverage(outline, x % 1 - 0.5, y % 1 - 0.5, cell, copy, generator)[..., None]
    paper, ink = _colours(generator, count, columns + 0 * rows, rows + 0 * columns, copy)
    pictures = paper * (1 - inside) + ink * inside
    pictures += _uniform(generator, 0, NOISE, count)[..., None] * generator.standard_normal(
        pictures.shape, dtype="float32"
    )
    return pictures.clip(0, 255).astype("uint8"), inside[..., 0] > 0.5


def _coverage(
    outline: Callable, x: np.ndarray, y: np.ndarray, cell: np.ndarray, copy: tuple, generator: np.random.Generator
) -> np.ndarray:
    """Share of each pixel that a shape covers, which keeps edges smooth at a few pixels' width."""
    per_copy = (len(cell), CELLS, CELLS)
    radius = 0.5 * generator.uniform(0.75, 1.0, per_copy).astype("float32")
    room = 0.5 - radius
    x = x - (room * generator.uniform(-1, 1, per_copy).astype("float32"))[copy]
    y = y - (room * generator.uniform(-1, 1, per_copy).astype("float32"))[copy]
    angle = generator.uniform(0, 2 * np.pi, per_copy).astype("float32")[copy]
    radius = radius[copy]
    u, v = _turn(x / radius, y / radius, angle)
    return np.clip(0.5 - outline(u, v) * radius * cell, 0, 1)


def _colours(
    generator: np.random.Generator, count: int, x: np.ndarray, y: np.ndarray, copy: tuple
) -> tuple[np.ndarray, np.ndarray]:
    """Colours of the background, which slopes from one to another, and of each pixel's copy."""
    lighter = generator.random((count, 1, 1, 1)) < 0.5
    across, _ = _turn(x, y, _uniform(generator, 0, 2 * np.pi, count))
    slope = np.clip(across / x.shape[-1] + 0.5, 0, 1)[..., None]
    first, second = (_tones(generator, ~lighter, (count, 1, 1, 3)) for _ in range(2))
    ink = _tones(generator, lighter, (count, CELLS, CELLS, 3))
    return first * slope + second * (1 - slope), ink[copy]


def _tones(generator: np.random.Generator, light: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (generator.uniform(0, 110, shape) + 145 * light).astype("float32")


def _uniform(generator: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    return generator.uniform(low, high, (count, 1, 1)).astype("float32")


def _turn(x: np.ndarray, y: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _disc(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v) - 0.8


def _ring(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.abs(np.hypot(u, v) - 0.72) - 0.24


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) - 0.72


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(-v, np.abs(u) * np.sqrt(0.75) + v / 2) - 0.52


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    long, short = np.maximum(np.abs(u), np.abs(v)), np.minimum(np.abs(u), np.abs(v))
    return np.maximum(long - 1, short - 0.27)


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # Five points: all of them folded onto half a point, whose edge runs from a tip at (1, 0) to a notch.
    sector = np.pi / 5
    angle = np.abs((np.arctan2(v, u) + sector) % (2 * sector) - sector)
    across, along = 0.42 * np.sin(sector), 1 - 0.42 * np.cos(sector)
    x, y = np.hypot(u, v) * np.cos(angle), np.hypot(u, v) * np.sin(angle)
    return ((x - 1) * across + y * along) / np.hypot(across, along)


def _bar(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u) - 1, np.abs(v) - 0.26)


def _crescent(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.hypot(u, v) - 0.95, 0.75 - np.hypot(u - 0.5, v))


KINDS = {
    "disc": _disc,
    "ring": _ring,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
    "star": _star,
    "bar": _bar,
    "crescent": _crescent,
}
