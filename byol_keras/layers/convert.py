"""Swapping faster layers into somebody else's network."""

from collections.abc import Callable

import keras

from ..cloning import refresh_constants
from .batch_normalization import BatchNormalization

__all__ = ["convert_batch_norm", "convert_both", "convert_depthwise"]

_DEPTHWISE = {
    keras.layers.Conv1D: keras.layers.DepthwiseConv1D,
    keras.layers.Conv2D: keras.layers.DepthwiseConv2D,
}


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
    _check_convertible(model, "byol_keras.layers.BatchNormalization")
    converted = _converted(model, lambda operation: _batch_norm(operation, synchronized))
    _check_complete(converted)
    return converted


def convert_both(model: keras.Model) -> keras.Model:
    """What `convert_depthwise` makes of what `convert_batch_norm` makes of a model, in one copy."""
    _check_convertible(model, "byol_keras.layers.BatchNormalization")
    converted = _converted(model, lambda operation: _batch_norm(operation, False) or _depthwise(operation))
    _check_complete(converted)
    return converted


def convert_depthwise(model: keras.Model) -> keras.Model:
    """Copies a model with every convolution that has a group for each channel replaced by Keras' depthwise one.

    Both compute the same. But Keras compiles a grouped convolution on its own on processors, where the gradients of one
    of ConvNeXt's take thirty times as long as those of the depthwise layer. Everything is carried over as in
    `convert_batch_norm`; convolutions of larger groups stay what they are.

    Args:
        model: A built functional or `Sequential` model.

    Returns:
        A new model of the same kind.

    Example:
    >>> import keras
    >>> from byol_keras.layers import convert_depthwise
    >>> theirs = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, groups=4)])
    >>> convert_depthwise(theirs).layers[-1].depth_multiplier
    1
    """
    _check_convertible(model, "keras.layers.DepthwiseConv2D")
    return _converted(model, _depthwise)


def _converted(model: keras.Model, swap: Callable[[keras.Operation], keras.Layer | None]) -> keras.Model:
    """A copy of the model with what `swap` makes of operations, None being the same; kernels keep their numbers."""
    twins = []

    def copy(operation: keras.Operation) -> keras.Operation:
        twin = swap(operation) or type(operation).from_config(operation.get_config())
        if isinstance(operation, keras.layers.Layer):
            twins.append((operation, twin))
        return twin

    converted = keras.models.clone_model(model, clone_function=copy, recursive=True)
    for layer, twin in twins:
        for source, variable in zip(layer.variables, twin.variables, strict=True):
            variable.assign(keras.ops.reshape(source, variable.shape))
    refresh_constants(converted)
    return converted


def _batch_norm(operation: keras.Operation, synchronized: bool) -> keras.Layer | None:
    if type(operation) not in (keras.layers.BatchNormalization, BatchNormalization):
        return None
    config = operation.get_config()
    return BatchNormalization.from_config({**config, "synchronized": synchronized or config["synchronized"]})


def _depthwise(operation: keras.Operation) -> keras.Layer | None:
    if not _has_a_group_per_channel(operation):
        return None
    config = operation.get_config()
    config["depth_multiplier"] = config.pop("filters") // config.pop("groups")
    for setting in ("initializer", "regularizer", "constraint"):
        config[f"depthwise_{setting}"] = config.pop(f"kernel_{setting}")
    return _DEPTHWISE[type(operation)].from_config(config)


def _has_a_group_per_channel(operation: keras.Operation) -> bool:
    if type(operation) not in _DEPTHWISE or operation.groups == 1 or operation.kernel.shape[-2] != 1:
        return False
    # Constraints may be about axes, which the depthwise kernel has in another order. Of strides, TensorFlow's depthwise
    # convolution knows one for all directions, and none together with dilation.
    plain = len(set(operation.strides)) == 1 and (max(operation.strides) == 1 or max(operation.dilation_rate) == 1)
    return plain and operation.kernel_constraint is None and operation.data_format == "channels_last"


def _check_convertible(model: keras.Model, layer: str) -> None:
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError(f"`model` must be built: give it an `Input`, or call it once. Received: model={model}")
    # Only models with a graph have `inputs`; what a subclass does in `call` can't be rewritten.
    if not isinstance(model, keras.Model) or not hasattr(model, "inputs"):
        raise TypeError(
            "`model` must be a functional or Sequential model: in a subclassed model, build the layers from "
            f"`{layer}` instead. Received: model={model}"
        )


def _check_complete(model: keras.Model) -> None:
    for layer in model._flatten_layers():
        if type(layer) is keras.layers.BatchNormalization:
            raise TypeError(
                "`model` must hold its batch normalisations as layers of functional or Sequential models, "
                f"but one is inside another kind of layer. Received: {layer.path or layer.name}"
            )
