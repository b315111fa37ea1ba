"""Crop, resize, flip and blur on CPUs: of each row and column only the few source pixels that have a weight.

`geometry` says the same with dense matrices, of which nearly all is zero. Those suit accelerators and small pictures;
here the cost is that of the taps, and of a blur that of the blurred pictures. Both give the same pictures.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from ..compiling import alone, here
from . import geometry

__all__ = ["Axis", "blurred", "count", "pay", "resample", "resizing"]

# The side of a picture or view from which on taps are faster than matrices: see examples/benchmarks/NOTES.md.
_SIDE = 64

# Each tap is code of its own in the compiled program.
_MOST = 64


class Axis(NamedTuple):
    """The slices of rows or columns that are resized; each of shape (n,)."""

    start: tf.Tensor
    extent: tf.Tensor
    flip: tf.Tensor


def pay(images: tf.Tensor, size: tuple[int, int], resize: str) -> bool:
    """Whether taps are the faster way for these pictures, in the graph that is traced now."""
    sides = images.shape[1:3]
    if not here() or None in tuple(sides) or max(*sides, *size) < _SIDE:
        return False
    return max(count(source, target, resize) for source, target in zip(sides, size, strict=True)) <= _MOST


def count(source: int, target: int, resize: str) -> int:
    """How many of at most `source` pixels can have a weight in one of `target`."""
    return min(math.ceil(2 * geometry.REACH[resize] * max(source / target, 1.0)), source)


def resizing(axis: Axis, source: int, target: int, resize: str) -> tuple[tf.Tensor, tf.Tensor]:
    """`geometry.resizing` without its zeros: places and weights of the taps, each of shape (n, target, taps)."""
    start, extent, flip = (value[:, None, None] for value in axis)
    outputs = tf.range(target, dtype=tf.float32)[None, :, None] + 0.5
    outputs = tf.where(flip, target - outputs, outputs)
    step = extent / target
    taps = count(source, target, resize)
    first = tf.floor(start + outputs * step - geometry.REACH[resize] * tf.maximum(step, 1.0) + 0.5)
    # Moved into the picture they still hold every pixel of it that has a weight.
    places = tf.clip_by_value(first, 0.0, source - taps) + tf.range(taps, dtype=tf.float32)
    return tf.cast(places, tf.int32), geometry.weighing(places + 0.5, outputs, start, extent, target, resize)


def resample(images: tf.Tensor, rows: Axis, columns: Axis, size: tuple[int, int], resize: str) -> tf.Tensor:
    """Planes (n, C, h, w) of slices of uint8 or float pictures (n, H, W, C), resized and flipped."""
    taps = [alone(resizing, *each, resize) for each in zip((rows, columns), images.shape[1:3], size, strict=True)]
    return alone(_take_columns, alone(_take_rows, images, *taps[0]), *taps[1])


def blurred(planes: tf.Tensor, sigma: tf.Tensor, kernel: int) -> tf.Tensor:
    """Planes (n, C, h, w) whose pictures are blurred where `sigma`, of shape (n,), is more than 0."""
    return alone(_blur_some, planes, sigma, kernel)


def _take_rows(images: tf.Tensor, places: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    if images.dtype == tf.uint8:
        weights /= 255.0
    planes = tf.transpose(images, (0, 3, 1, 2))

    def tap(place: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(planes, place, axis=2, batch_dims=1), tf.float32) * weight[:, None, :, None]

    return tf.add_n(list(map(tap, tf.unstack(places, axis=2), tf.unstack(weights, axis=2))))


def _take_columns(strips: tf.Tensor, places: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    def tap(place: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        return tf.gather(strips, place, axis=3, batch_dims=1) * weight[:, None, None, :]

    return tf.add_n(list(map(tap, tf.unstack(places, axis=2), tf.unstack(weights, axis=2))))


def _blur_some(planes: tf.Tensor, sigma: tf.Tensor, kernel: int) -> tf.Tensor:
    order = tf.argsort(sigma, direction="DESCENDING")

    def blur_one(turn: tf.Tensor, planes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        place = order[turn]
        picture = _blur(planes[place], sigma[place], kernel)
        return turn + 1, tf.tensor_scatter_nd_update(planes, [[place]], picture[None])

    chosen = tf.math.count_nonzero(sigma, dtype=tf.int32)
    return tf.while_loop(lambda turn, _: turn < chosen, blur_one, (0, planes))[1]


def _blur(planes: tf.Tensor, sigma: tf.Tensor, kernel: int) -> tf.Tensor:
    rows, columns = (geometry.blurring(sigma[None], side, kernel)[0] for side in planes.shape[1:])
    reach, high = kernel // 2, planes.shape[1]
    padded = tf.pad(planes, ((0, 0), (reach, reach), (0, 0)))
    # `bell(0)` is 1, so that the diagonal of the matrix, whose rows have the sum 1, holds the factor of each row. The
    # columns go through their matrix: XLA would fuse taps with these taps, and sum rows anew for each.
    weights = geometry.bell(tf.range(-reach, reach + 1, dtype=tf.float32), sigma)
    summed = tf.add_n([padded[:, tap : tap + high] * weights[tap] for tap in range(kernel)])
    return tf.matmul(summed * tf.linalg.diag_part(rows)[:, None], columns, transpose_b=True)
