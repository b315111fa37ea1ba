"""The outlines that the built-in pictures are drawn with.

Each is a function of two coordinates that is negative inside a shape of radius about 1, and grows outwards by about 1
for each 1 of distance.
"""

import numpy as np

__all__ = ["KINDS"]


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
