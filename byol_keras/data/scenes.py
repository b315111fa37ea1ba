"""Pictures of several shapes, with the place of each: for detection and segmentation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..arguments import check_positive
from .drawing import CHUNK, grainy, sloped, tones, turned
from .outlines import KINDS

__all__ = ["Scenes", "shape_scenes"]

_RADII = (4.0, 9.0)  # pixels of 64
# Tips and corners of an outline of radius 1 lie within.
_REACH = 1.05
_ATTEMPTS = 16


class Scenes(NamedTuple):
    """Pictures and what is in them; `{"boxes": ..., "classes": ...}` is what detectors of keras_cv learn from.

    Args:
        images: uint8 of shape `(count, size, size, 3)`.
        boxes: float32 of shape `(count, most, 4)`: left, top, right and bottom in pixels ("xyxy"), as tight as the mask
            allows; -1 where there is no shape.
        classes: the kind of shape in each box, float32 of shape `(count, most)`; -1 where there is none.
        masks: what each pixel shows, uint8 of shape `(count, size, size)`: 0 for the background, else 1 + class.
        names: of the classes.
    """

    images: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    masks: np.ndarray
    names: tuple[str, ...]


class _Shapes(NamedTuple):
    """Up to `most` shapes in each of n pictures; each of shape (n, most) or (n, most, 2)."""

    kind: np.ndarray
    radius: np.ndarray
    angle: np.ndarray
    place: np.ndarray
    present: np.ndarray


def shape_scenes(count: int, seed: int = 0, size: int = 64, most: int = 5) -> Scenes:
    """Draws pictures of one to `most` shapes each, all of which may be of different kinds.

    Shapes differ in kind, position, angle, size and colour; pictures differ in how many there are, in noise, in the
    background, and in whether the shapes are lighter or darker than it, as those of `shapes`. No two boxes overlap: a
    shape that finds no room is left out, the first never.

    Args:
        count: number of pictures, at least 1.
        seed: what everything depends on: equal arguments give equal pictures. Default 0.
        size: side of the pictures in pixels, at least 16. Default 64, where shapes are about 8 to 18 pixels wide.
        most: largest number of shapes in a picture. Default 5.

    Example:
    >>> from byol_keras.data import shape_scenes
    >>> scenes = shape_scenes(4, most=3)
    >>> scenes.images.shape, scenes.boxes.shape, scenes.names[int(scenes.classes[0, 0])] in scenes.names
    ((4, 64, 64, 3), (4, 3, 4), True)
    """
    check_positive(count=count, size=size, most=most)
    if size < 16:
        raise ValueError(f"`size` must be 16 or more, or shapes would have no pixels. Received: size={size}")
    generator = np.random.default_rng(seed)
    parts = [_draw(min(CHUNK, count - start), size, most, generator) for start in range(0, count, CHUNK)]
    return Scenes(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)), tuple(KINDS))


def _draw(count: int, size: int, most: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    shapes = _strewn(count, size, most, generator)
    covered, owner = np.zeros((count, size, size), "float32"), np.zeros((count, size, size), int)
    for slot, pixels, coverage in _coverages(shapes, size):
        covered[pixels] += coverage
        owner[pixels] = np.where(coverage > 0, slot, owner[pixels])
    lighter = generator.random((count, 1, 1, 1)) < 0.5
    paper = sloped(generator, ~lighter, size)
    pictures = np.arange(count)[:, None, None]
    ink = tones(generator, lighter[..., 0], (count, most, 3))[pictures, owner]
    images = grainy(generator, paper * (1 - covered[..., None]) + ink * covered[..., None])
    inside = covered > 0.5
    boxes = np.stack([_box(inside & (owner == slot)) for slot in range(most)], axis=1)
    classes = np.where(boxes[..., 0] < 0, -1, shapes.kind)
    masks = np.where(inside, 1 + shapes.kind[pictures, owner], 0)
    return images, boxes, classes.astype("float32"), masks.astype("uint8")


def _strewn(count: int, size: int, most: int, generator: np.random.Generator) -> _Shapes:
    each = (count, most)
    kind, angle = generator.integers(0, len(KINDS), each), generator.uniform(0, 2 * np.pi, each)
    radius = generator.uniform(*_RADII, each) * size / 64
    present = np.arange(most) < generator.integers(1, most + 1, (count, 1))
    place = np.zeros((*each, 2))
    for slot in range(most):
        reach = _REACH * radius[:, slot, None]
        tried = reach[..., None] + generator.random((count, _ATTEMPTS, 2)) * (size - 2 * reach)[..., None]
        apart = np.abs(tried[:, :, None] - place[:, None, :slot]).max(axis=-1)
        # A pixel more, so that not even the smooth edges meet.
        free = ((apart > reach[..., None] + _REACH * radius[:, None, :slot] + 1) | ~present[:, None, :slot]).all(axis=2)
        place[:, slot] = tried[np.arange(count), free.argmax(axis=1)]
        present[:, slot] &= free.any(axis=1)
    return _Shapes(kind, radius, angle, place, present)


def _coverages(shapes: _Shapes, size: int) -> Iterator[tuple[int, tuple[np.ndarray, ...], np.ndarray]]:
    """Slot by slot and kind by kind: indices of the pixels around each shape, and the share that it covers of each."""
    side = min(size, int(2 * _REACH * shapes.radius.max()) + 3)
    for slot in range(shapes.kind.shape[1]):
        for kind, outline in enumerate(KINDS.values()):
            members = np.flatnonzero(shapes.present[:, slot] & (shapes.kind[:, slot] == kind))
            place, radius = shapes.place[members, slot], shapes.radius[members, slot, None, None]
            corner = np.clip(np.floor(place - side / 2).astype(int), 0, size - side)
            x, y = (corner[:, axis, None] + np.arange(side) for axis in range(2))
            across, down = x + 0.5 - place[:, :1], y + 0.5 - place[:, 1:]
            u, v = turned(across[:, None, :], down[:, :, None], shapes.angle[members, slot, None, None])
            coverage = np.clip(0.5 - outline(u / radius, v / radius) * radius, 0, 1)
            yield slot, (members[:, None, None], y[:, :, None], x[:, None, :]), coverage


def _box(inside: np.ndarray) -> np.ndarray:
    """The tightest (left, top, right, bottom) around the pixels that are true, -1 where none is; (n, 4)."""
    ends = []
    for line in (inside.any(axis=1), inside.any(axis=2)):
        ends.append((line.argmax(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1)))
    box = np.stack([ends[0][0], ends[1][0], ends[0][1], ends[1][1]], axis=1)
    return np.where(inside.any(axis=(1, 2))[:, None], box, -1).astype("float32")
