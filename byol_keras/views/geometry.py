"""Crop, resize, flip and blur, as one matrix for the rows of a picture and one for its columns."""

import math

import tensorflow as tf

from ..randomness import between

__all__ = [
    "ATTEMPTS",
    "REACH",
    "RESIZES",
    "bell",
    "blurring",
    "picture_mean",
    "random_boxes",
    "resample",
    "resizing",
    "sizes",
    "weighing",
    "whole_boxes",
]

# torchvision and DeepMind's BYOL both try ten times to fit a box of random area and aspect ratio.
ATTEMPTS = 10


def random_boxes(
    draws: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    height: int | tf.Tensor,
    width: int | tf.Tensor,
    area: tuple[float, float],
    ratio: tuple[float, float],
) -> tf.Tensor:
    """Boxes (top, left, height, width) of a random share of the picture, in whole pixels.

    The first attempt that fits is taken; where none does, the largest box in the picture's centre whose
    aspect ratio is allowed.

    Args:
        draws: Uniform float64 numbers for areas and for ratios, each of shape (n, ATTEMPTS), and for
            (top, left), of shape (n, 2).
        height: Height of the pictures.
        width: Width of the pictures.
        area: Least and largest share of the picture's area.
        ratio: Least and largest width / height; uniform in its logarithm.

    Returns:
        A float64 tensor of shape (n, 4).
    """
    whole = tf.cast([height, width], tf.float64)
    areas = tf.reduce_prod(whole) * between(*area, draws[0])
    ratios = tf.exp(between(math.log(ratio[0]), math.log(ratio[1]), draws[1]))
    boxes = tf.round(tf.sqrt(tf.stack([areas / ratios, areas * ratios], axis=-1)))
    fits = tf.reduce_all((boxes > 0) & (boxes <= whole), axis=-1)
    fallback = tf.clip_by_value(tf.round(whole[::-1] * (1 / ratio[0], ratio[1])), 1.0, whole)
    first = tf.reduce_min(tf.where(fits, tf.range(ATTEMPTS), ATTEMPTS), axis=1)
    found = (first < ATTEMPTS)[:, None]
    extent = tf.where(found, tf.gather(boxes, tf.minimum(first, ATTEMPTS - 1), batch_dims=1), fallback)
    corner = tf.floor(tf.where(found, draws[2] * (whole - extent + 1), (whole - extent) / 2))
    return tf.concat([corner, extent], axis=1)


def whole_boxes(count: int | tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor) -> tf.Tensor:
    """Boxes that hold the whole picture."""
    return tf.tile(tf.cast([[0, 0, height, width]], tf.float32), (count, 1))


def resizing(
    start: tf.Tensor, extent: tf.Tensor, source: int, target: int, resize: str, flip: tf.Tensor | None = None
) -> tf.Tensor:
    """Matrices that take `extent` pixels from `start` on and resize them, antialiased, to `target` pixels.

    The result equals `tf.image.resize(..., antialias=True)` of the slice: pixels outside of it have no
    influence.

    Args:
        start: First pixel of the slice, of shape (n,).
        extent: Number of pixels in the slice, of shape (n,).
        source: Number of pixels of the picture.
        target: Number of pixels wanted.
        resize: A key of `RESIZES`.
        flip: Whether to reverse the result, of shape (n,).

    Returns:
        A float32 tensor of shape (n, target, source) whose rows sum to one.
    """
    start, extent = start[:, None, None], extent[:, None, None]
    pixels = tf.range(source, dtype=tf.float32)[None, None, :] + 0.5
    outputs = tf.range(target, dtype=tf.float32)[None, :, None] + 0.5
    if flip is not None:
        outputs = tf.where(flip[:, None, None], target - outputs, outputs)
    return weighing(pixels, outputs, start, extent, target, resize)


def weighing(
    pixels: tf.Tensor, outputs: tf.Tensor, start: tf.Tensor, extent: tf.Tensor, target: int, resize: str
) -> tf.Tensor:
    """The weights of pixels (along the last axis) in outputs, all given by where their middles are."""
    stretch = tf.maximum(extent / target, 1.0)
    inside = tf.cast((pixels > start) & (pixels < start + extent), tf.float32)
    # Few middles in float64, so that the many distances can be float32 and right to the last digit, under XLA too.
    start, extent, outputs = (tf.cast(value, tf.float64) for value in (start, extent, outputs))
    middle = start + outputs * extent / target
    whole = tf.floor(middle)
    distance = tf.abs((pixels - tf.cast(whole, tf.float32)) - tf.cast(middle - whole, tf.float32)) / stretch
    return _unit_sum(RESIZES[resize](distance) * inside)


def blurring(sigma: tf.Tensor, size: int, kernel: int) -> tf.Tensor:
    """Matrices (n, size, size) of a Gaussian blur of `kernel` taps; the identity where `sigma` is 0.

    At the edges the taps inside the picture share the whole weight. So every row sums to one, and a blur
    commutes with any affine map of the colours.
    """
    pixels = tf.range(size, dtype=tf.float32)
    distance = tf.abs(pixels[:, None] - pixels[None, :])
    inside = tf.cast(distance <= kernel // 2, tf.float32)
    return _unit_sum(bell(distance, sigma[:, None, None]) * inside)


def bell(distance: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """A Gaussian whose largest value is 1."""
    # So narrow that the neighbours' weight underflows to 0.
    return tf.exp(-0.5 * tf.square(distance / tf.maximum(sigma, 1e-3)))


def resample(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """`rows @ image @ columns^T` for each channel: (n, H, W, C) becomes planes of shape (n, C, h * w)."""
    count, height, width, channels = sizes(images)
    high, wide = rows.shape[1], columns.shape[1]
    # Of six layouts measured on a CPU this is the fastest under XLA and near the fastest without.
    strips = tf.matmul(rows, tf.reshape(images, (count, height, width * channels)))
    strips = tf.transpose(tf.reshape(strips, (count, high, width, channels)), (0, 3, 1, 2))
    planes = tf.matmul(tf.reshape(strips, (count, channels * high, width)), columns, transpose_b=True)
    return tf.reshape(planes, (count, channels, high * wide))


def picture_mean(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """The mean of `resample(images, rows, columns)` over its pixels, of shape (n, C), without making it."""
    row, column = tf.reduce_mean(rows, axis=1), tf.reduce_mean(columns, axis=1)
    count, height, width, channels = sizes(images)
    strip = tf.matmul(row[:, None], tf.reshape(images, (count, height, width * channels)))
    return tf.matmul(column[:, None], tf.reshape(strip, (count, width, channels)))[:, 0]


def sizes(images: tf.Tensor) -> tuple[int | tf.Tensor, ...]:
    """The shape, with numbers where they are known: XLA and speed need them."""
    return tuple(tf.shape(images)[i] if size is None else size for i, size in enumerate(images.shape))


def _unit_sum(weights: tf.Tensor) -> tf.Tensor:
    return weights * (1.0 / tf.reduce_sum(weights, axis=-1, keepdims=True))


def _triangle(distance: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(1.0 - distance)


def _keys_cubic(distance: tf.Tensor) -> tf.Tensor:
    # Keys (1981) with a = -1/2, as in `tf.image.resize(..., "bicubic", antialias=True)`.
    near = (1.5 * distance - 2.5) * distance * distance + 1.0
    far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
    return tf.where(distance < 1.0, near, tf.where(distance < 2.0, far, 0.0))


RESIZES = {"bicubic": _keys_cubic, "triangle": _triangle}

# From which distance on they are zero.
REACH = {"bicubic": 2.0, "triangle": 1.0}
