"""The same network for pictures, or series, of another size."""

import keras

from ..cloning import copy_weights, revived

__all__ = ["resized"]


def resized(encoder: keras.Model, input_shape: tuple[int | None, ...]) -> keras.Model:
    """A copy of an encoder, with the same weights, whose input has another height and width, or another time.

    Convolutions and pooling over all positions do not care how large a picture is; a network that does, because a
    dense layer or a position embedding counts its pixels, is refused.

    Args:
        encoder: a built functional model of one input, which can be rebuilt from its configuration; layers of one's own
            need not be registered for that.
        input_shape: `(height, width, channels)` or `(time, channels)`; all but the channels may be None, for any.

    Example:
    >>> from byol_keras.encoders import resized, small_resnet
    >>> encoder = small_resnet((None, None, 3))
    >>> resized(encoder, (32, 32, 3)).input_shape
    (None, 32, 32, 3)
    """
    serialized = keras.saving.serialize_keras_object(encoder) | {"compile_config": None}
    inputs = [layer for layer in serialized["config"].get("layers", []) if layer["class_name"] == "InputLayer"]
    if len(inputs) != 1:
        raise ValueError(f"`encoder` must be a functional model of one input. Received: encoder={encoder.name!r}")
    inputs[0]["config"]["batch_shape"] = (None, *input_shape)
    try:
        copy = revived(serialized, encoder)
        copy_weights(encoder, copy)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"`encoder` must take examples of any size to be used at {input_shape}, when it is rebuilt from its "
            f"`get_config()`. Received: {encoder.name!r}, which does not: {reason}"
        ) from None
    return copy
