"""Swapping this library's batch normalisation into somebody else's network."""

import keras

from ..cloning import refresh_constants
from .batch_normalization import BatchNormalization

__all__ = ["convert_batch_norm"]


def convert_batch_norm(model: keras.Model, synchronized: bool = False) -> keras.Model:
    """Copies a model with every Keras `BatchNormalization` replaced by
    `byol_keras.layers.BatchNormalization`.

    Weights, names and settings are carried over, nested models are converted too, and the copy computes the
    same outputs. The original is left alone. Subclasses of Keras' layer written by others stay what they are.

    Args:
        model: A built functional or `Sequential` model.
        synchronized: Whether the batch normalisations share their statistics over the replicas of a strategy.
            Those that did so before go on doing so. Default False.

    Returns:
        A new model of the same kind (a plain functional model for a functional subclass with its own
        constructor).

    Example:
    >>> import keras
    >>> from byol_keras.layers import convert_batch_norm
    >>> theirs = keras.Sequential([keras.Input((8,)), keras.layers.BatchNormalization()])
    >>> convert_batch_norm(theirs, synchronized=True).layers[-1].synchronized
    True
    """
    _check_convertible(model)
    twins = []

    def copy(operation: keras.Operation) -> keras.Operation:
        twin = _twin(operation, synchronized)
        if isinstance(operation, keras.layers.Layer):
            twins.append((operation, twin))
        return twin

    converted = keras.models.clone_model(model, clone_function=copy, recursive=True)
    _check_complete(converted)
    for layer, twin in twins:
        for source, variable in zip(layer.variables, twin.variables, strict=True):
            variable.assign(source)
    refresh_constants(converted)
    return converted


def _twin(operation: keras.Operation, synchronized: bool) -> keras.Operation:
    config = operation.get_config()
    if type(operation) not in (keras.layers.BatchNormalization, BatchNormalization):
        return type(operation).from_config(config)
    return BatchNormalization.from_config({**config, "synchronized": synchronized or config["synchronized"]})


def _check_convertible(model: keras.Model) -> None:
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError(f"`model` must be built: give it an `Input`, or call it once. Received: model={model}")
    # Only models with a graph have `inputs`; what a subclass does in `call` can't be rewritten.
    if not isinstance(model, keras.Model) or not hasattr(model, "inputs"):
        raise TypeError(
            "`model` must be a functional or Sequential model: in a subclassed model, build the layers from "
            f"`byol_keras.layers.BatchNormalization` instead. Received: model={model}"
        )


def _check_complete(model: keras.Model) -> None:
    for layer in model._flatten_layers():
        if type(layer) is keras.layers.BatchNormalization:
            raise TypeError(
                "`model` must hold its batch normalisations as layers of functional or Sequential models, "
                f"but one is inside another kind of layer. Received: {layer.path or layer.name}"
            )
