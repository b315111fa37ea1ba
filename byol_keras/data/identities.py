"""Pictures of the same things again and again: for verification and retrieval."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_positive
from .drawing import CHUNK, grainy, per_picture, sloped, tones, turned
from .outlines import KINDS

__all__ = ["shape_identities"]


class _Things(NamedTuple):
    """What makes a thing this one and no other; each of shape (n,)."""

    kind: np.ndarray
    stretch: np.ndarray
    hole: np.ndarray
    hole_radius: np.ndarray
    hole_angle: np.ndarray
    hole_x: np.ndarray
    hole_y: np.ndarray


def shape_identities(count: int, pictures: int = 2, seed: int = 0, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Draws several pictures of each of many things, to ask of two pictures whether they show the same one.

    A thing is a shape, more or less stretched, with a hole in the form of another; kind, size, place and angle of the
    hole are part of it. Where it is, how it is turned, how large it is, its colours, the background and the noise
    differ from picture to picture.

    Args:
        count: number of things, at least 1.
        pictures: of each thing. Default 2.
        seed: what everything depends on: equal arguments give equal pictures. Default 0.
        size: side of the pictures in pixels. Default 32.

    Returns:
        Pictures, uint8 of shape `(count * pictures, size, size, 3)`; and the number of the thing that each shows,
        int64 of shape `(count * pictures,)`.

    Example:
    >>> from byol_keras.data import shape_identities
    >>> images, things = shape_identities(3, pictures=2)
    >>> images.shape, things.tolist()
    ((6, 32, 32, 3), [0, 0, 1, 1, 2, 2])
    """
    check_positive(count=count, pictures=pictures, size=size)
    generator = np.random.default_rng(seed)
    things, which = _invented(count, generator), np.repeat(np.arange(count), pictures)
    images = np.empty((len(which), size, size, 3), "uint8")
    for start in range(0, len(which), CHUNK):
        chunk = which[start : start + CHUNK]
        images[start : start + CHUNK] = _draw(_Things(*(values[chunk] for values in things)), size, generator)
    return images, which


def _invented(count: int, generator: np.random.Generator) -> _Things:
    draw = generator.uniform
    return _Things(
        kind=generator.integers(0, len(KINDS), count),
        stretch=draw(0.6, 1.0, count),
        hole=generator.integers(0, len(KINDS), count),
        hole_radius=draw(0.3, 0.55, count),
        hole_angle=draw(0, 2 * np.pi, count),
        hole_x=draw(-0.3, 0.3, count),
        hole_y=draw(-0.3, 0.3, count),
    )


def _draw(things: _Things, size: int, generator: np.random.Generator) -> np.ndarray:
    count = len(things.kind)
    radius = per_picture(generator, 0.3, 0.42, count) * size
    room = (size / 2 - radius) * 0.8
    axis = np.arange(size, dtype="float32") - (size - 1) / 2
    x = axis[None, None, :] - room * per_picture(generator, -1, 1, count)
    y = axis[None, :, None] - room * per_picture(generator, -1, 1, count)
    u, v = turned(x / radius, y / radius, per_picture(generator, 0, 2 * np.pi, count))
    solid = _covered(things.kind, u, v / things.stretch[:, None, None], radius)
    scale = things.hole_radius[:, None, None]
    inner = turned(u - things.hole_x[:, None, None], v - things.hole_y[:, None, None], things.hole_angle[:, None, None])
    hole = _covered(things.hole, inner[0] / scale, inner[1] / scale, radius * scale)
    covered = (solid * (1 - hole))[..., None]
    lighter = generator.random((count, 1, 1, 1)) < 0.5
    paper, ink = sloped(generator, ~lighter, size), tones(generator, lighter, (count, 1, 1, 3))
    return grainy(generator, paper * (1 - covered) + ink * covered)


def _covered(kinds: np.ndarray, u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Share of each pixel that the outline of each picture's kind covers."""
    distance = np.empty(u.shape, "float32")
    for kind, outline in enumerate(KINDS.values()):
        distance[kinds == kind] = outline(u[kinds == kind], v[kinds == kind])
    return np.clip(0.5 - distance * radius, 0, 1)
