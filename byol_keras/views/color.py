"""Every change of colour but clipping and solarizing, as one affine map of each picture's channels.

With the mean colour m of a picture, its luma `E x = 1 (w . x)` and a quarter turn `J` of the plane of chroma,
a pixel x goes through

    brightness    x + d 1
    contrast      f x + (1 - f) m
    saturation    E x + s (x - E x)            (grayscale is s = 0)
    hue           E x + (cos t + sin t J) (x - E x)

where `E E = E`, `E 1 = 1`, `E J = J E = 0` and `J J = -(I - E)`. Saturation and hue are polynomials in J that
leave grey as it is, contrast moves a pixel towards a mean that moves with it: so, as long as nothing is
clipped in between, all four commute. The random order of the paper is every order at once, and needs no draw:

    M = E + s cos t (I - E) + s sin t J        x -> f M x + (1 - f) M m + d 1
"""

import math
from functools import cache

import numpy as np
import tensorflow as tf

from .parameters import Parameters

__all__ = ["LUMA", "chroma_turn", "luma_weights", "mixing", "recolour", "solarized"]

# ITU-R BT.601, as in the reference code; divided by their sum of 0.9999, or white would not stay white.
LUMA = (0.2989, 0.587, 0.114)

# The I and Q of NTSC's YIQ. Each sums to zero, so grey has none of either.
_CHROMA = ((0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def luma_weights(channels: int) -> np.ndarray:
    """Weights w of the grey value: those of luma for three channels, equal ones for any other number."""
    weights = np.array(LUMA if channels == 3 else [1.0] * channels)
    return weights / weights.sum()


@cache
def chroma_turn(channels: int) -> np.ndarray:
    """The quarter turn J of the chroma of RGB, red towards green; zero for other than three channels."""
    if channels != 3:
        return np.zeros((channels, channels))
    yiq = np.stack([luma_weights(3), *np.array(_CHROMA)])
    return np.linalg.inv(yiq) @ np.array([[0, 0, 0], [0, 0, 1], [0, -1, 0]]) @ yiq


def recolour(planes: tf.Tensor, mean: tf.Tensor, parameters: Parameters) -> tf.Tensor:
    """`f M x + (1 - f) M m + d 1` in every pixel.

    Args:
        planes: The pictures, of shape (n, C, pixels).
        mean: Their mean colours, of shape (n, C).
        parameters: The random choices. Saturation and hue have no effect for other than three channels.

    Returns:
        The pixels, of shape (n, pixels, C).
    """
    matrix = mixing(parameters, planes.shape[1])
    contrast = parameters.contrast[:, None, None]
    offset = (1.0 - contrast) * tf.matmul(mean[:, None], matrix, transpose_b=True)
    offset += parameters.brightness[:, None, None]
    return tf.matmul(planes, contrast * matrix, transpose_a=True, transpose_b=True) + offset


def mixing(parameters: Parameters, channels: int) -> tf.Tensor:
    """The matrices M of saturation, hue and grey, of shape (n, C, C)."""
    saturation, hue = parameters.saturation, parameters.hue
    if channels != 3:
        saturation, hue = tf.ones_like(saturation), tf.zeros_like(hue)
    saturation = tf.where(parameters.grayscale, 0.0, saturation)[:, None, None]
    angle = 2.0 * math.pi * hue[:, None, None]
    luma = np.ones((channels, 1)) * luma_weights(channels)
    chroma = tf.constant(np.eye(channels) - luma, tf.float32)
    turn = tf.constant(chroma_turn(channels), tf.float32)
    return tf.constant(luma, tf.float32) + saturation * (tf.cos(angle) * chroma + tf.sin(angle) * turn)


def solarized(pixels: tf.Tensor, chosen: tf.Tensor, threshold: float) -> tf.Tensor:
    """`1 - x` where x reaches the threshold, in the chosen pictures of shape (n, pixels, C)."""
    limit = tf.where(chosen, threshold, 2.0)[:, None, None]
    return tf.where(pixels >= limit, 1.0 - pixels, pixels)
