"""What BYOL lets in: every check that can be made before training, with a sentence for each refusal."""

import itertools
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

__all__ = [
    "check_batch_size",
    "check_encoder",
    "check_finite",
    "check_head",
    "check_heads",
    "check_pair",
    "check_raw",
    "check_strategy",
    "check_views",
    "output_shape",
]


def check_strategy() -> None:
    """Refuses the strategies that Keras 3 can't train under."""
    strategy = tf.distribute.get_strategy()
    refused = (tf.distribute.ParameterServerStrategy, tf.distribute.experimental.ParameterServerStrategy)
    if isinstance(strategy, refused):
        raise ValueError(
            "`strategy` must not be a parameter-server strategy: Keras 3 has no support for it. Use "
            "`MirroredStrategy` or `MultiWorkerMirroredStrategy`. "
            f"Received: strategy={type(strategy).__name__}"
        )


def check_encoder(encoder: object) -> None:
    """Refuses what is not a built Keras model with one vector or feature map as output."""
    if not isinstance(encoder, keras.Model):
        raise TypeError(f"`encoder` must be a Keras model. Received: encoder={encoder!r}")
    if not encoder.built:
        raise ValueError(
            "`encoder` must be built, so that the target network can start as its copy: call it on one batch, "
            f"or give it an `Input`. Received: encoder={encoder.name!r}, which is not built"
        )
    if not encoder.weights:
        raise ValueError(f"`encoder` must have weights to train. Received: encoder={encoder.name!r}, which has none")
    shape = output_shape(encoder)
    if not isinstance(shape, tuple) or not 2 <= len(shape) <= 5 or shape[-1] is None:
        raise ValueError(
            "`encoder` must return a vector, shape (batch, features), or a feature map, shape "
            f"(batch, ..., features). Received: an encoder with output shape {shape}"
        )


def output_shape(model: keras.Model) -> tuple | list | dict:
    """What a built model returns; subclassed models are asked through the shape they were built on."""
    if hasattr(model, "inputs"):
        return model.compute_output_shape(model.input_shape)
    built_on = (model.get_build_config() or {}).get("input_shape")
    inputs = keras.tree.map_shape_structure(lambda shape: keras.KerasTensor(shape, model.input_dtype), built_on)
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape), model.compute_output_spec(inputs))


def check_head(head: object, argument: str) -> None:
    """Refuses a projector or predictor that is not a built Keras model."""
    if not isinstance(head, keras.Model) or not head.built:
        raise ValueError(f"`{argument}` must be a built Keras model. Received: {argument}={head!r}")


def check_heads(encoder: keras.Model, projector: keras.Model, predictor: keras.Model | None) -> None:
    """Refuses heads that do not fit together."""
    chain = [("encoder", encoder), ("projector", projector)] + ([("predictor", predictor)] if predictor else [])
    for (giver, before), (taker, after) in itertools.pairwise(chain):
        given = output_shape(before)[-1]
        if hasattr(after, "inputs") and after.input_shape[-1] != given:
            raise ValueError(
                f"`{taker}` must take what `{giver}` returns. Received: {giver} with "
                f"{given} outputs, {taker} with {after.input_shape[-1]} inputs"
            )
    lengths = [output_shape(head)[-1] for _, head in chain[1:]]
    if len(set(lengths)) > 1:
        raise ValueError(
            "`predictor` must return vectors as long as the projector's, since the two are compared. Received: "
            f"predictor with {lengths[1]} outputs, projector with {lengths[0]}"
        )


def check_finite(batch: object) -> None:
    """Refuses a NaN or an infinity in a floating-point array of the batch, and anything among strings that is none."""
    for values in map(np.asarray, keras.tree.flatten(batch)):
        if values.dtype.kind == "O":
            _check_strings(values)
        if tf.as_dtype(values.dtype).is_floating and not np.isfinite(values).all():
            bad = np.count_nonzero(~np.isfinite(values))
            raise ValueError(
                "`x` must be finite: remove or replace NaN and infinity. "
                f"Received: {bad} of {values.size} values not finite"
            )


def _check_strings(values: np.ndarray) -> None:
    strays = [value for value in values.ravel() if not isinstance(value, str | bytes)]
    if strays:
        raise ValueError(
            "`x` must be numbers, or nothing but strings: remove or replace what is missing. Received: "
            f"{len(strays)} of {values.size} values that are no strings, such as {str(strays[0])[:50]!r} "
            f"of type {type(strays[0]).__name__}"
        )


def check_raw(batch: object, preprocessor: keras.Layer) -> None:
    """Refuses raw inputs of another kind than a preprocessor takes, where it says what it takes.

    A layer of it may have a method `check(values)` that raises `ValueError` for values it should not be given.
    """
    takers = getattr(preprocessor, "inputs", None)
    # Of a pair of views each is taken by itself.
    for leaf, taker in zip(keras.tree.flatten(batch), itertools.cycle(takers or [])):
        is_text = tf.as_dtype(leaf.dtype) == tf.string
        if is_text != (taker.dtype == "string") or len(leaf.shape) != len(taker.shape):
            raise ValueError(
                f"`x` must be what `preprocessor` takes: {taker.dtype} of shape {tuple(taker.shape)}. "
                f"Received: {'string' if is_text else tf.as_dtype(leaf.dtype).name} of shape {tuple(leaf.shape)}"
            )
        for layer in getattr(preprocessor, "layers", ()):
            if hasattr(layer, "check"):
                layer.check(np.asarray(leaf))


def check_pair(batch: object) -> None:
    """Refuses what is not two ready-made views, when there is no `views` to make them."""
    if not isinstance(batch, dict) or set(batch) != {"view_1", "view_2"}:
        received = sorted(batch) if isinstance(batch, dict) else type(batch).__name__
        raise ValueError(
            "`views=None` needs a dataset of ready-made pairs: dicts {'view_1': ..., 'view_2': ...} (a plain "
            f"tuple would be read as data and labels). Received: {received}"
        )


def check_batch_size(size: int, replicas: int, layers: Iterable[keras.layers.Layer]) -> None:
    """Refuses a batch that replicas can't share alike, or whose statistics are those of a single example."""
    if size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of the {replicas} replicas that share a batch: the mean over unequal "
            f"shares would not be the batch's. Received: batch_size={size}"
        )
    normalized = any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    if normalized and size // replicas < 2:
        raise ValueError(
            "`batch_size` must be at least 2 on every replica with batch normalisation, which would subtract a "
            f"single example from itself. Received: a batch of {size} on {replicas} replica(s)"
        )


def check_views(views: Iterable, encoder: keras.Model) -> None:
    """Compares the shapes of two views with what the encoder takes."""
    expected = [tuple(tensor.shape) for tensor in keras.tree.flatten(getattr(encoder, "inputs", None) or [])]
    for name, view in zip(("view one", "view two"), views, strict=True):
        shapes = [tuple(leaf.shape) for leaf in keras.tree.flatten(view)]
        fits = len(shapes) == len(expected) and all(map(_compatible, shapes, expected))
        if expected and not fits:
            raise ValueError(
                f"`views` and `encoder` must agree on shape. Received: {name} of shape "
                f"{_readable(shapes)}, an encoder for {_readable(expected)}"
            )


def _compatible(shape: tuple, expected: tuple) -> bool:
    return len(shape) == len(expected) and all(
        want is None or have == want for have, want in zip(shape[1:], expected[1:], strict=True)
    )


def _readable(shapes: list[tuple]) -> str:
    return " and ".join(str(shape[1:]) for shape in shapes)
