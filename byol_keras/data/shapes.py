"""A small picture set made in memory, for demonstrations without a download."""

from collections.abc import Callable

import numpy as np

from ..arguments import check_positive
from .drawing import CHUNK, grainy, per_picture, sloped, tones, turned
from .outlines import KINDS

__all__ = ["shape_masks", "shapes"]

CELLS = 16


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
    cell = per_picture(generator, 7, 12, count) * size / 32
    x, y = turned(axis[None, :], axis[:, None], per_picture(generator, 0, 2 * np.pi, count))
    x = x / cell + per_picture(generator, CELLS, CELLS + 1, count)
    y = y / cell + per_picture(generator, CELLS, CELLS + 1, count)
    # One copy lives in each cell of a turned lattice, so a pixel need only look at its own cell's copy.
    copy = (np.arange(count)[:, None, None], np.floor(x).astype(int) % CELLS, np.floor(y).astype(int) % CELLS)
    inside = _coverage(outline, x % 1 - 0.5, y % 1 - 0.5, cell, copy, generator)[..., None]
    lighter = generator.random((count, 1, 1, 1)) < 0.5
    paper = sloped(generator, ~lighter, size)
    ink = tones(generator, lighter, (count, CELLS, CELLS, 3))[copy]
    return grainy(generator, paper * (1 - inside) + ink * inside), inside[..., 0] > 0.5


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
    u, v = turned(x / radius, y / radius, angle)
    return np.clip(0.5 - outline(u, v) * radius * cell, 0, 1)
