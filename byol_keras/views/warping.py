"""Smooth random curves over a series, windows of it, and reading it between its steps."""

import math

import tensorflow as tf

from ..randomness import between

__all__ = ["WAVES", "longest", "places", "read_at", "smooth_curves", "warped", "windows"]

WAVES = 4
"""Waves that a curve is made of: half a period over the series, a whole one, one and a half, two."""


def windows(draws: tf.Tensor, lengths: tf.Tensor, share: tuple[float, float]) -> tuple[tf.Tensor, tf.Tensor]:
    """First step and number of steps of random windows, in whole steps, at least two where there are two.

    Args:
        draws: uniform float64 numbers, of shape `(n, 2)`.
        lengths: of the series, int32 of shape `(n,)`.
        share: least and largest share of the length.

    Returns:
        Two int32 tensors of shape `(n,)`.
    """
    whole = tf.cast(lengths, tf.float64)
    extent = _steps(between(*share, draws[:, 0]), whole)
    start = tf.floor(draws[:, 1] * (whole - extent + 1.0))
    return tf.cast(start, tf.int32), tf.cast(extent, tf.int32)


def longest(time: int | tf.Tensor, share: float) -> int | tf.Tensor:
    """Number of steps of the longest window of series of up to `time` steps.

    Args:
        time: a number, or a scalar tensor.
        share: the largest of the length, as in `windows`.
    """
    if isinstance(time, int):
        return min(max(round(share * time), 2), time)
    return tf.cast(_steps(tf.constant(share, tf.float64), tf.cast(time, tf.float64)), tf.int32)


def _steps(share: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    return tf.minimum(tf.maximum(tf.round(share * whole), 2.0), whole)


def places(time: int | tf.Tensor, extent: tf.Tensor) -> tf.Tensor:
    """Where each step lies in a window, 0 at its first and 1 at its last step: float32 of shape `(n, time)`."""
    last = tf.cast(tf.maximum(extent - 1, 1), tf.float32)
    return tf.range(time, dtype=tf.float32) / last[:, tf.newaxis]


def warped(draws: tf.Tensor, place: tf.Tensor, strength: float) -> tf.Tensor:
    """Other places in [0, 1] for places in [0, 1], in the same order, the ends where they were.

    `w(p) = p + sum_k a_k sin(pi k p) / (pi k)` with `|a_1| + ... + |a_4| <= strength`, so that the speed `w'` lies
    within 1 - strength and 1 + strength.

    Args:
        draws: uniform numbers, of shape `(n, WAVES)`.
        place: of shape `(n, time)`.
        strength: in [0, 1).
    """
    waves = _frequencies()
    heights = strength / WAVES * (2.0 * tf.cast(draws, tf.float32) - 1.0) / waves
    return place + tf.reduce_sum(heights[:, tf.newaxis] * tf.sin(waves * place[..., tf.newaxis]), axis=-1)


def smooth_curves(normals: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Curves that are standard normal at every place, and near each other at near places.

    Args:
        normals: standard normal numbers, of shape `(n, 2 * WAVES, channels)`.
        place: of shape `(n, time)`.

    Returns:
        A float32 tensor of shape `(n, time, channels)`.
    """
    angles = _frequencies() * place[..., tf.newaxis]
    waves = tf.concat([tf.cos(angles), tf.sin(angles)], axis=-1)
    return tf.matmul(waves, normals) / math.sqrt(WAVES)


def read_at(series: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Values of series between steps, on the straight line from one step to the next.

    Args:
        series: of shape `(n, time, channels)`.
        position: in steps, float32 of shape `(n, positions)`; outside of the series its first or last step is read.
    """
    last = tf.shape(series)[1] - 1
    before = tf.floor(position)
    share = (position - before)[..., tf.newaxis]
    lower, upper = (
        tf.gather(series, tf.clip_by_value(tf.cast(before, tf.int32) + step, 0, last), batch_dims=1) for step in (0, 1)
    )
    return lower + share * (upper - lower)


def _frequencies() -> tf.Tensor:
    return math.pi * tf.range(1, WAVES + 1, dtype=tf.float32)
