"""Videos whose class is a kind of motion, which no single frame shows."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_positive
from .drawing import CHUNK, grainy, sloped, tones, turned
from .outlines import KINDS

__all__ = ["moving_shapes"]

MOTIONS = ("left", "right", "up", "down", "turn", "grow", "shrink", "bounce")
# Discs and rings turn unseen.
_TURNING = tuple(outline for name, outline in KINDS.items() if name not in ("disc", "ring"))
_RADII = (3.5, 8.0)  # pixels of 32
_SPEED = (1.0, 2.0)  # pixels of 32, a frame
# A star looks the same after a fifth of a turn: more than half of that would seem to turn back.
_TURN = (np.pi / 15, np.pi / 7)
_GROWTH = (0.06, 0.12)  # share of the way from the least to the largest radius, a frame


class _Motion(NamedTuple):
    """Place, size and angle in every frame, each of shape (n, frames)."""

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    angle: np.ndarray


def moving_shapes(
    count: int, frames: int = 8, seed: int = 0, size: int = 32
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Draws short videos of one moving shape each; the class is the kind of motion.

    The shape moves left, right, up or down, turns (either way), grows, shrinks, or goes to and fro. What leaves the
    picture comes in on the other side, and what has grown to the largest size starts again as the smallest. So every
    frame by itself is drawn alike in all classes: a shape of any size and angle, anywhere. Videos differ in kind and
    colour of the shape, speed, background, and noise, which is new in every frame.

    Args:
        count: number of videos, at least 1.
        frames: of each video, at least 3. Default 8.
        seed: what everything depends on: equal arguments give equal videos. Default 0.
        size: side of the frames in pixels. Default 32, where shapes are about 7 to 16 pixels wide.

    Returns:
        Videos, uint8 of shape `(count, frames, size, size, 3)`; classes, int64 of shape `(count,)`; and their names.

    Example:
    >>> from byol_keras.data import moving_shapes
    >>> videos, labels, names = moving_shapes(10, frames=4)
    >>> videos.shape, names
    ((10, 4, 32, 32, 3), ('left', 'right', 'up', 'down', 'turn', 'grow', 'shrink', 'bounce'))
    """
    check_positive(count=count, frames=frames, size=size)
    if frames < 3:
        raise ValueError(f"`frames` must be 3 or more: two show no bouncing. Received: frames={frames}")
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(MOTIONS), count)
    videos = np.empty((count, frames, size, size, 3), "uint8")
    step = max(1, CHUNK // frames)
    for start in range(0, count, step):
        videos[start : start + step] = _draw(labels[start : start + step], frames, size, generator)
    return videos, labels, MOTIONS


def _draw(labels: np.ndarray, frames: int, size: int, generator: np.random.Generator) -> np.ndarray:
    count = len(labels)
    kinds = generator.integers(0, len(_TURNING), count)
    covered = _covered(kinds, _moved(labels, frames, size, generator), size)[..., None]
    lighter = generator.random((count, 1, 1, 1)) < 0.5
    paper = sloped(generator, ~lighter, size)[:, None]
    ink = tones(generator, lighter[..., None], (count, 1, 1, 1, 3))
    return grainy(generator, paper * (1 - covered) + ink * covered)


def _moved(labels: np.ndarray, frames: int, size: int, generator: np.random.Generator) -> _Motion:
    """Every class starts anywhere and moves on a closed way, so that no moment differs from any other."""
    each, time = (len(labels), 1), np.arange(frames)
    motion = {name: (labels == number)[:, None] for number, name in enumerate(MOTIONS)}
    speed = generator.uniform(*_SPEED, each) * size / 32
    period = generator.uniform(0.7, 1.0, each) * frames
    fro = period * np.abs((generator.random(each) + time / period) % 1 - 0.5)
    heading = generator.integers(0, 4, each) * np.pi / 2
    x = motion["right"] * time - motion["left"] * time + motion["bounce"] * np.cos(heading) * fro
    y = motion["down"] * time - motion["up"] * time + motion["bounce"] * np.sin(heading) * fro
    turn = generator.uniform(*_TURN, each) * generator.choice([-1, 1], each) * motion["turn"]
    growth = generator.uniform(*_GROWTH, each) * (motion["grow"] * 1 - motion["shrink"] * 1)
    least, largest = np.multiply(_RADII, size / 32)
    return _Motion(
        x=generator.uniform(0, size, each) + speed * x,
        y=generator.uniform(0, size, each) + speed * y,
        radius=least * (largest / least) ** ((generator.random(each) + growth * time) % 1),
        angle=generator.uniform(0, 2 * np.pi, each) + turn * time,
    )


def _covered(kinds: np.ndarray, motion: _Motion, size: int) -> np.ndarray:
    """Share of each pixel that the shape covers, of shape (n, frames, size, size); opposite edges meet."""
    axis = np.arange(size) + 0.5
    across = (axis - motion.x[..., None] + size / 2) % size - size / 2
    down = (axis - motion.y[..., None] + size / 2) % size - size / 2
    radius, angle = (values[..., None, None].astype("float32") for values in (motion.radius, motion.angle))
    covered = np.empty((*motion.x.shape, size, size), "float32")
    for kind, outline in enumerate(_TURNING):
        own = kinds == kind
        x, y = across[own, :, None, :].astype("float32"), down[own, :, :, None].astype("float32")
        u, v = turned(x / radius[own], y / radius[own], angle[own])
        covered[own] = np.clip(0.5 - outline(u, v) * radius[own], 0, 1)
    return covered
