"""Which layers of an encoder learn, and how fast."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ..arguments import did_you_mean
from ..cloning import own_weights

__all__ = ["LayerwiseAdam", "LayerwiseSGD", "factors_of", "freeze"]


def freeze(encoder: keras.Model, frozen: float | str) -> None:
    """Freezes the first layers of an encoder.

    A layer's own weights, such as a class token, count as one layer in front of those inside. They are frozen when all
    inside are: to Keras a frozen layer freezes what is in it.

    Args:
        encoder: a built model.
        frozen: the share of the layers with weights of their own, counted from the input, in [0, 1]; or the name of a
            layer, which is frozen with all inside it and all that come before it.
    """
    if isinstance(frozen, str):
        first = _up_to(frozen, encoder)
    elif not 0.0 <= frozen <= 1.0:
        raise ValueError(f"`frozen` must be a share in [0, 1], or name a layer. Received: frozen={frozen}")
    else:
        weighted = _weighted(_ordered(encoder))
        first = weighted[: round(frozen * len(weighted))]
    for layer in first:
        if set(_weighted(_ordered(layer))) <= set(first):
            layer.trainable = False


def factors_of(encoder: keras.Model, variables: Sequence[keras.Variable], first_layer_rate: float) -> list[float]:
    """The rate of each variable as a share of the head's: it climbs by one factor from layer to layer.

    Args:
        encoder: the model that most of the variables belong to.
        variables: what is trained; those of no layer of the encoder are the head's.
        first_layer_rate: the share of the encoder's first layer with weights of its own.
    """
    weighted = _weighted(_ordered(encoder))
    height = {id(own): len(weighted) - place for place, layer in enumerate(weighted) for own in own_weights(layer)}
    return [first_layer_rate ** (height.get(id(variable), 0) / max(1, len(weighted))) for variable in variables]


def _up_to(name: str, encoder: keras.Model) -> list[keras.layers.Layer]:
    """The layers with weights from the input to the last one inside the layer of that name."""
    layers = _ordered(encoder)
    named = [layer for layer in layers if layer.name == name]
    if not named:
        raise ValueError(
            "`frozen` must be a share in [0, 1], or name a layer."
            f"{did_you_mean(name, [layer.name for layer in layers])} Received: frozen={name!r}"
        )
    last = max(layers.index(layer) for layer in _ordered(named[-1]))
    return _weighted(layers[: last + 1])


def _ordered(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """A layer and all inside it, each before its parts and once, in the order in which they were made."""
    # Keras lists all of them too, but those inside a layer backwards.
    parts = layer._flatten_layers(include_self=False, recursive=False)
    return list(dict.fromkeys([layer, *(inner for part in parts for inner in _ordered(part))]))


def _weighted(layers: Sequence[keras.layers.Layer]) -> list[keras.layers.Layer]:
    return [layer for layer in layers if own_weights(layer)]


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
