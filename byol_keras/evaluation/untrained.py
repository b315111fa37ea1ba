"""The same network before it has learned anything, which every trained one is compared with."""

import keras

from ..cloning import copying, drawing_from, own_weights, rebuilt, refresh_constants

__all__ = ["untrained"]


def untrained(encoder: keras.Model, seed: int = 0) -> keras.Model:
    """A network of the same architecture with freshly initialised weights; `encoder` stays as it is.

    Fresh is what training moves: the weights of layers that are trainable, and the moving statistics of batch
    normalisation. Kept is what training leaves alone: statistics of the data (`keras.layers.Normalization`), and
    frozen layers. Weights whose initialiser has a seed of its own come out as that seed says.

    Args:
        encoder: a built Keras model that can be serialised, with trainable weights.
        seed: int, what the new weights depend on. Default 0.

    Example:
    >>> import keras
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> bool(keras.ops.all(untrained(encoder).weights[0] == encoder.weights[0]))
    False
    """
    moved = {id(variable) for layer in encoder._flatten_layers() if _learns(layer) for variable in own_weights(layer)}
    if not moved:
        found = "all frozen" if encoder.weights else "which has none"
        raise ValueError(
            f"`encoder` must have trainable weights to be set back. Received: encoder={encoder.name!r}, {found}"
        )
    with drawing_from(seed), copying(encoder, "encoder"):
        fresh = rebuilt(encoder)
        for ours, theirs in zip(encoder.weights, fresh.weights, strict=True):
            if id(ours) not in moved:
                theirs.assign(ours)
    refresh_constants(fresh)
    return fresh


def _learns(layer: keras.Layer) -> bool:
    return layer.trainable and (bool(layer._trainable_variables) or isinstance(layer, keras.layers.BatchNormalization))
