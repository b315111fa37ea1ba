"""The random choices behind a view of pictures."""

from typing import NamedTuple

import tensorflow as tf

from ..randomness import between, positional_uniform
from .geometry import ATTEMPTS, random_boxes
from .presets import Settings

__all__ = ["Parameters", "draw_parameters"]


class Parameters(NamedTuple):
    """The random choices for one view of n pictures; each of shape (n,) but for the boxes."""

    box: tf.Tensor
    """(top, left, height, width) of the crop in pixels, of shape (n, 4)."""
    flip: tf.Tensor
    brightness: tf.Tensor
    """What is added; 0 without jitter."""
    contrast: tf.Tensor
    """Factor; 1 without jitter."""
    saturation: tf.Tensor
    """Factor; 1 without jitter."""
    hue: tf.Tensor
    """Share of a full turn; 0 without jitter."""
    grayscale: tf.Tensor
    sigma: tf.Tensor
    """Standard deviation of the blur in pixels of the view; 0 without blur."""
    solarize: tf.Tensor


class _Uniforms(NamedTuple):
    flip: tf.Tensor
    jitter: tf.Tensor
    brightness: tf.Tensor
    contrast: tf.Tensor
    saturation: tf.Tensor
    hue: tf.Tensor
    grayscale: tf.Tensor
    blur: tf.Tensor
    sigma: tf.Tensor
    solarize: tf.Tensor


def draw_parameters(
    settings: Settings,
    seed: tf.Tensor,
    view: int,
    count: int | tf.Tensor,
    height: int | tf.Tensor,
    width: int | tf.Tensor,
) -> Parameters:
    """The random choices for view 0 or 1 of `count` pictures of the given height and width.

    All arithmetic is in float64: the last digit of an exponential may differ under XLA, and it takes digits
    to spare for whole pixels to be the same there.
    """
    widths = (ATTEMPTS, ATTEMPTS, 2, len(_Uniforms._fields))
    areas, ratios, corners, rest = tf.split(positional_uniform(seed, count, sum(widths)), widths, axis=1)
    uniform = _Uniforms(*tf.unstack(rest, axis=1))
    jitter = uniform.jitter < settings.jitter[view]
    blur = uniform.blur < settings.blur[view]
    drawn = Parameters(
        box=random_boxes((areas, ratios, corners), height, width, settings.area, settings.ratio),
        flip=uniform.flip < settings.flip[view],
        brightness=_around(0.0, settings.brightness, uniform.brightness, jitter),
        contrast=_around(1.0, settings.contrast, uniform.contrast, jitter),
        saturation=_around(1.0, settings.saturation, uniform.saturation, jitter),
        hue=_around(0.0, settings.hue, uniform.hue, jitter),
        grayscale=uniform.grayscale < settings.grayscale[view],
        sigma=tf.where(blur, between(*settings.sigma, uniform.sigma), 0.0),
        solarize=uniform.solarize < settings.solarize[view],
    )
    return Parameters(*(value if value.dtype == tf.bool else tf.cast(value, tf.float32) for value in drawn))


def _around(neutral: float, spread: float, uniform: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    return tf.where(chosen, between(neutral - spread, neutral + spread, uniform), neutral)
