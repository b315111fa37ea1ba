"""A second network with the same architecture and the same weights."""

import contextlib
import random
from collections.abc import Iterator

import keras

__all__ = [
    "NOT_REBUILT",
    "copied",
    "copy_weights",
    "copying",
    "drawing_from",
    "in_float32",
    "inputs_of",
    "own_weights",
    "rebuilt",
    "refresh_constants",
    "revived",
    "twin",
]

NOT_REBUILT = (TypeError, ValueError, NotImplementedError, AttributeError)
"""What Keras and other people's layers raise where a model can't be made again from its configuration."""


def copy_weights(source: keras.layers.Layer, target: keras.layers.Layer) -> None:
    """Copies every weight, statistics included; the states of random generators stay each network's own."""
    for ours, theirs in zip(source.weights, target.weights, strict=True):
        theirs.assign(ours)
    refresh_constants(target)


def refresh_constants(model: keras.layers.Layer) -> None:
    """Has every layer compute with its weights, after they were assigned.

    Keras' `Normalization` computes with constants, which it makes of its weights when it is told to.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def inputs_of(model: keras.Model) -> object:
    """The symbolic inputs of a model in the structure that it is called with."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def twin(model: keras.Model, argument: str) -> keras.Model:
    """A copy of `model` for the target network, with a name of its own.

    Args:
        model: a built Keras model that can be serialised.
        argument: what the user calls it, for the error message.
    """
    return copied(model, argument, f"target_{model.name}", " for the target network")


def copied(model: keras.Model, argument: str, name: str | None = None, purpose: str = "") -> keras.Model:
    """Rebuilds `model` from its configuration and copies its weights.

    Args:
        model: a built Keras model that can be serialised.
        argument: what the user calls it, for the error message.
        name: of the copy. Default None: the same one.
        purpose: of the copy, for the error message. Default none.
    """
    with copying(model, argument, purpose):
        copy = rebuilt(model, name)
        copy_weights(model, copy)
    return copy


@contextlib.contextmanager
def copying(model: keras.Model, argument: str, purpose: str = "") -> Iterator[None]:
    """Inside, a model that can't be made again is a TypeError that says what it lacks; arguments are `copied`'s."""
    try:
        yield
    except NOT_REBUILT as error:
        raise TypeError(
            f"`{argument}` can't be copied{purpose}: it must be rebuilt with the same weights from its `get_config()` "
            "and `get_build_config()`. Add the missing ones, or build it as a functional model. "
            f"Received: {argument}={model} ({error})"
        ) from error


def own_weights(layer: keras.Layer) -> list[keras.Variable]:
    """Those of a layer itself, without what lies in the layers inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def rebuilt(model: keras.Model, name: str | None = None) -> keras.Model:
    """A network of the same architecture, with weights as its initialisers make them.

    Args:
        model: a built Keras model that can be serialised.
        name: of the copy, where its configuration holds a name. Default None: the same one.
    """
    serialized = keras.saving.serialize_keras_object(model)
    if name is not None and "name" in serialized["config"]:
        serialized["config"]["name"] = name
    return revived(serialized, model)


@contextlib.contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Fresh networks are made of this seed: Keras' initialisers and dropout take theirs from Python's generator, which
    is left as it was found.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def in_float32(model: keras.Model) -> keras.Model:
    """The same network computing in float32: itself where it does already, otherwise a copy with its weights.

    Args:
        model: a built Keras model, which must be serialisable if it computes in another precision.

    Example:
    >>> half = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype="mixed_bfloat16")])
    >>> in_float32(half).layers[0].compute_dtype
    'float32'
    """
    if all(layer.compute_dtype == "float32" for layer in model._flatten_layers(include_self=True)):
        return model
    policy = keras.config.dtype_policy()
    # Containers do not store theirs: they take the one of the moment.
    keras.config.set_dtype_policy("float32")
    try:
        copy = revived(_without_halves(keras.saving.serialize_keras_object(model)), model)
    finally:
        keras.config.set_dtype_policy(policy)
    copy_weights(model, copy)
    return copy


def _without_halves(config: object) -> object:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and config["config"]["name"] in ("bfloat16", "float16"):
            return "float32"
        return {key: _without_halves(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(map(_without_halves, config))
    return "float32" if config in ("mixed_bfloat16", "mixed_float16") else config


def revived(serialized: dict, model: keras.Model) -> keras.Model:
    """The network that `serialized` describes, which `model` has lent its classes to."""
    with keras.saving.custom_object_scope(_own_classes(model)):
        return keras.saving.deserialize_keras_object(serialized, safe_mode=False)


def _own_classes(model: keras.Model) -> dict[str, type]:
    """The classes that are not Keras' own: they are at hand, so that a notebook's layers need no registration."""
    classes = {type(layer) for layer in model._flatten_layers()}
    return {own.__name__: own for own in classes if not own.__module__.startswith("keras.")}
