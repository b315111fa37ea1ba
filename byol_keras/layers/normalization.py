"""The two normalisations that encoders and heads offer by name."""

import math

import keras

from .batch_normalization import BatchNormalization

__all__ = ["make_normalization"]

GROUPS = 16  # Richemond et al., 2020
SMALLEST_GROUP = 4


def make_normalization(
    normalization: str,
    channels: int,
    synchronized: bool = False,
    gamma: str = "ones",
    name: str | None = None,
) -> keras.layers.Layer:
    """Makes the normalisation that follows a linear or convolutional layer.

    Args:
        normalization: `"batch"` (momentum 0.9 and epsilon 1e-5, as BYOL's reference), or `"group"`: 16
            groups, fewer where that would leave groups of under four channels or unequal ones. A group of one
            value is always 0.
        channels: Number of features that it normalises.
        synchronized: Whether batch statistics are shared by all replicas. Default False.
        gamma: Initialiser of the scale. Default `"ones"`.
        name: Name of the layer.

    Example:
    >>> from byol_keras.layers import make_normalization
    >>> make_normalization("group", channels=24).groups
    2
    """
    if normalization == "batch":
        return BatchNormalization(
            momentum=0.9, epsilon=1e-5, synchronized=synchronized, gamma_initializer=gamma, name=name
        )
    if normalization == "group":
        groups = math.gcd(GROUPS, channels, max(1, channels // SMALLEST_GROUP))
        return keras.layers.GroupNormalization(groups, epsilon=1e-5, gamma_initializer=gamma, name=name)
    raise ValueError(f'`normalization` must be "batch" or "group". Received: normalization={normalization}')
