"""Views made of augmentation layers."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ..admission import check_finite
from ..viewing import unit_range

__all__ = ["LayerViews", "from_layers"]


@keras.saving.register_keras_serializable(package="byol_keras")
class LayerViews:
    """The two views of a batch that lists of augmentation layers make of it.

    The layers are called in turn with `training=True`, after uint8 pictures (and clips, whatever has a rank of 4
    or more) have become float32 in [0, 1]: so a layer that asks for a `value_range` wants `(0, 1)` here.

    Keras' augmentation layers draw from random states of their own. So these views are no `Views`: they
    ignore the `seed`, two calls always differ, replicas would draw alike, and so more than one replica is
    refused. They compile under XLA only as far as the layers do.

    Args:
        layers_1: Layers of `keras.layers`, `keras_cv.layers` or your own, for view one.
        layers_2: Those for view two. By default the same layers, which then draw again.

    Example:
    >>> views = from_layers([keras.layers.RandomFlip("horizontal"), keras.layers.RandomContrast(0.4)])
    >>> view_1, view_2 = views(tf.zeros((8, 32, 32, 3), "uint8"), seed=(0, 1))
    >>> view_1.shape
    TensorShape([8, 32, 32, 3])
    """

    makes_pairs = True

    def __init__(
        self, layers_1: Sequence[keras.layers.Layer], layers_2: Sequence[keras.layers.Layer] | None = None
    ) -> None:
        self.layers_1 = _checked_layers("layers_1", layers_1)
        self.layers_2 = self.layers_1 if layers_2 is None else _checked_layers("layers_2", layers_2)

    def __call__(self, batch: Any, seed: Any = None) -> tuple[Any, Any]:
        """Return view one and view two of a batch; the seed has no effect."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1:
            raise ValueError(
                "`views.from_layers` works on one replica only: every replica's layers would draw the same "
                f"numbers. Use `ImageViews` or another `Views`. Received: a strategy of {replicas} replicas"
            )
        batch = keras.tree.map_structure(unit_range, batch)
        return _through(self.layers_1, batch), _through(self.layers_2, batch)

    def check(self, batch: Any) -> None:
        """Raise `ValueError` for a first batch that holds a NaN or an infinity."""
        check_finite(batch)

    def get_config(self) -> dict[str, Any]:
        return {
            "layers_1": keras.saving.serialize_keras_object(self.layers_1),
            "layers_2": None if self.layers_2 is self.layers_1 else keras.saving.serialize_keras_object(self.layers_2),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LayerViews":
        return cls(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})


def from_layers(
    layers_1: Sequence[keras.layers.Layer], layers_2: Sequence[keras.layers.Layer] | None = None
) -> LayerViews:
    """Views made of augmentation layers: see `LayerViews`."""
    return LayerViews(layers_1, layers_2)


def _checked_layers(name: str, layers: Sequence[keras.layers.Layer]) -> list[keras.layers.Layer]:
    layers = list(layers) if isinstance(layers, list | tuple) else [layers]
    if not layers or not all(isinstance(layer, keras.layers.Layer) for layer in layers):
        raise ValueError(f"`{name}` must be a list of Keras layers, at least one. Received: {name}={layers}")
    return layers


def _through(layers: list[keras.layers.Layer], batch: Any) -> Any:
    for layer in layers:
        batch = layer(batch, training=True)
    return batch
