"""What an exported encoder can be asked: functions with their inputs."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from ..encoders import pyramid
from ..views import unit_range
from .pictures import pixels_of
from .portable import Portable

__all__ = ["Signature", "default_signature", "signatures_of"]


class Signature(NamedTuple):
    """One question and what it takes.

    Args:
        function: of tensors in the order of `inputs`, to a dictionary of tensors.
        inputs: what it takes, by name.
        meaning: of the inputs, in words.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    inputs: dict[str, tf.TensorSpec]
    meaning: str = ""


def signatures_of(portable: Portable) -> dict[str, Signature]:
    """The signatures of `bk.export.saved_model`, the default one first."""
    found = {"serving_default": default_signature(portable)}
    if not portable.is_picture:
        return found
    (spec,) = portable.inputs().values()
    of_bytes = _typed(spec, tf.uint8)
    found["serving_uint8"] = Signature(lambda pixels: portable(unit_range(pixels)), of_bytes, "0 to 255")
    *size, channels = spec.shape[1:]
    if channels in (1, 3) and None not in size:
        read = pixels_of(tuple(size), channels)
        strings = {"image_bytes": tf.TensorSpec([None], tf.string, "image_bytes")}
        found["serving_bytes"] = Signature(lambda data: portable(read(data)), strings, "files, each a JPEG or a PNG")
    maps = _maps(portable.encoder)
    if maps is not None:
        found["features"] = Signature(
            lambda pixels: maps(pixels, training=False), portable.inputs(), "floats in [0, 1]"
        )
    return found


def default_signature(portable: Portable, batch_size: int | None = None) -> Signature:
    """`serving_default`: the encoder as it is.

    Args:
        portable: the encoder.
        batch_size: None for any.
    """
    meaning = "floats in [0, 1]" if portable.is_picture else "as the encoder takes them"
    return Signature(portable, portable.inputs(batch_size), meaning)


def _typed(spec: tf.TensorSpec, dtype: tf.DType) -> dict[str, tf.TensorSpec]:
    return {spec.name: tf.TensorSpec(spec.shape, dtype, spec.name)}


def _maps(encoder: keras.Model) -> keras.Model | None:
    """The encoder's feature maps, None where it has none."""
    try:
        return pyramid(encoder)
    except ValueError:
        return None
