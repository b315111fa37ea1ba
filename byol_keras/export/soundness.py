"""Whether an encoder is worth exporting."""

import warnings

import keras
import numpy as np

from ..layers import Columns, Steps
from .portable import REPRESENTATION, Portable

__all__ = ["warned_of"]

_PROBES = 16
# How far features lie from their mean, as a part of their length. Healthy and untrained networks have 0.2 and more.
_CONSTANT = 0.01


def warned_of(portable: Portable) -> list[str]:
    """Sentences about an encoder that nobody should serve, usually none.

    Each is given as a warning too, at the place that called the function which calls this one.
    """
    found = []
    if _is_untrained(portable.encoder):
        found.append(
            f"`{portable.name}` looks untrained: all its offsets, scales and statistics are as they were initialised"
        )
    if _is_constant(portable):
        found.append(f"`{portable.name}` looks collapsed: it gives almost the same vector for every input")
    for sentence in found:
        warnings.warn(sentence, stacklevel=3)
    return found


def _is_untrained(encoder: keras.Model) -> bool:
    """Whether every vector of weights still holds the constants it began with; training moves them all."""
    of_data = [layer for layer in encoder._flatten_layers() if isinstance(layer, keras.layers.Normalization)]
    skipped = {id(weight) for layer in of_data for weight in layer.weights}
    vectors = [weight for weight in encoder.weights if len(weight.shape) == 1 and weight.shape[0] > 2]
    learned = [weight for weight in vectors if id(weight) not in skipped]
    return bool(learned) and all(len(np.unique(weight)) <= 2 for weight in learned)


def _is_constant(portable: Portable) -> bool:
    inputs = portable.inputs(_PROBES).values()
    # To a classifier noise may well be of one class.
    if portable.is_classifier or any(not spec.dtype.is_floating for spec in inputs):
        return False
    draw = np.random.default_rng(0)
    batch = [draw.random([side or 32 for side in spec.shape]) for spec in inputs]
    # Brightness varies from one to the next: to noise alone averages over a picture are all the same.
    light = np.linspace(0.0, 1.0, _PROBES)
    mean, deviation = _units(portable)
    batch = [mean + deviation * (4.0 * part * light.reshape(-1, *[1] * (part.ndim - 1)) - 2.0) for part in batch]
    features = portable(*(part.astype("float32") for part in batch))[REPRESENTATION].numpy()
    spread = np.linalg.norm(features - features.mean(axis=0), axis=1).mean()
    return spread <= _CONSTANT * np.linalg.norm(features, axis=1).mean()


def _units(portable: Portable) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of what an encoder takes, as its first layer tells them; else those of noise in [0, 1]."""
    layers = (layer for layer in portable.encoder.layers if not isinstance(layer, keras.layers.InputLayer))
    first = next(layers, None)
    told = not portable.is_picture and len(portable.inputs()) == 1
    if told and isinstance(first, keras.layers.Normalization):
        return np.asarray(first.mean), np.sqrt(first.variance)
    if told and isinstance(first, Columns | Steps):
        return np.array(first.mean or 0.0), np.array(first.deviation or 1.0)
    return np.array(0.5), np.array(0.25)
