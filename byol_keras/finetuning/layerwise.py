"""Which layers of an encoder learn, and how fast."""

from collections.abc import Sequence

import keras
import tensorflow as tf

__all__ = ["LayerwiseAdam", "LayerwiseSGD", "factors_of", "freeze"]


def freeze(encoder: keras.Model, frozen: float | str) -> None:
    """Freezes the first layers of an encoder.

    Args:
        encoder: a built model.
        frozen: the share of the layers with weights, counted from the input, in [0, 1]; or the name of a layer, which
            is frozen with all that come before it.
    """
    layers = _leaves(encoder)
    if isinstance(frozen, str):
        names = [layer.name for layer in layers]
        if frozen not in names:
            raise ValueError(f"`frozen` must be a share in [0, 1], or name a layer. Received: frozen={frozen!r}")
        first = layers[: len(names) - names[::-1].index(frozen)]
    elif not 0.0 <= frozen <= 1.0:
        raise ValueError(f"`frozen` must be a share in [0, 1], or name a layer. Received: frozen={frozen}")
    else:
        weighted = [layer for layer in layers if layer.weights]
        first = weighted[: round(frozen * len(weighted))]
    for layer in first:
        layer.trainable = False


def factors_of(encoder: keras.Model, variables: Sequence[keras.Variable], first_layer_rate: float) -> list[float]:
    """The rate of each variable as a share of the head's: it climbs by one factor from layer to layer.

    Args:
        encoder: the model that most of the variables belong to.
        variables: what is trained; those of no layer of the encoder are the head's.
        first_layer_rate: the share of the encoder's first layer with weights.
    """
    weighted = [layer for layer in _leaves(encoder) if layer.weights]
    depth = {id(variable): place for place, layer in enumerate(weighted) for variable in layer.weights}
    shares = [1.0 - depth.get(id(variable), len(weighted)) / len(weighted) for variable in variables]
    return [first_layer_rate**share for share in shares]


def _leaves(encoder: keras.Model) -> list[keras.layers.Layer]:
    """Layers without layers inside, in the order in which they were made."""
    layers = encoder._flatten_layers(include_self=False)
    return [layer for layer in layers if not list(layer._flatten_layers(include_self=False))]


class _Layerwise(keras.optimizers.Optimizer):
    """An optimizer with a rate of its own for each variable. A mixin, in front of the optimizer.

    Args:
        factors: one number per trainable variable, which multiplies the rate.
        **kwargs: of the optimizer.
    """

    def __init__(self, factors: Sequence[float], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.factors = list(factors)

    def update_step(self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor) -> None:
        factor = self.factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self) -> dict:
        return super().get_config() | {"factors": self.factors}


@keras.saving.register_keras_serializable(package="byol_keras")
class LayerwiseSGD(_Layerwise, keras.optimizers.SGD):
    """SGD whose rate differs from layer to layer.

    Args:
        factors: one number per trainable variable, which multiplies the rate.
        **kwargs: as in `keras.optimizers.SGD`.
    """


@keras.saving.register_keras_serializable(package="byol_keras")
class LayerwiseAdam(_Layerwise, keras.optimizers.Adam):
    """Adam whose rate differs from layer to layer.

    Args:
        factors: one number per trainable variable, which multiplies the rate.
        **kwargs: as in `keras.optimizers.Adam`.
    """
