"""What every head on feature maps begins with."""

import keras

from ..encoders import pyramid, resized

__all__ = ["enlarged", "feature_maps", "fused"]


def feature_maps(encoder: keras.Model, input_shape: tuple | None, frozen: bool) -> keras.Model:
    """The pyramid of a copy of an encoder, for pictures of a known size.

    Args:
        encoder: a built functional model of pictures.
        input_shape: `(height, width, channels)`. Default None: the encoder's.
        frozen: whether its weights and statistics stay as they are. If not, layers that were frozen before stay so,
            unless the whole encoder was.
    """
    shape = tuple(input_shape or getattr(encoder, "input_shape", (None,))[1:])
    if len(shape) != 3 or None in shape:
        raise ValueError(
            "`input_shape` must be (height, width, channels), all of them known: an encoder for pictures of any size "
            f"does not say it. Received: input_shape={shape}"
        )
    features = pyramid(resized(encoder, shape))
    if frozen:
        features.trainable = False
    elif not encoder.trainable_variables:
        # Each by itself: a model that is trainable, and has its layers frozen, would pass nothing on.
        for layer in features._flatten_layers():
            layer.trainable = True
    return features


def fused(maps: list[keras.KerasTensor], channels: int) -> keras.KerasTensor:
    """All maps brought to few channels and to the size of the finest, and looked at together.

    Args:
        maps: from fine to coarse.
        channels: of each map; twice as many come out.
    """
    finest = maps[0].shape[1:3]
    brought = [keras.layers.Conv2D(channels, 1, activation="relu")(each) for each in maps]
    together = keras.layers.Concatenate()([enlarged(each, finest) for each in brought])
    return keras.layers.Conv2D(2 * channels, 3, padding="same", activation="relu")(together)


def enlarged(maps: keras.KerasTensor, size: tuple[int, int]) -> keras.KerasTensor:
    """Maps brought to a larger height and width, bilinearly."""
    if tuple(maps.shape[1:3]) == tuple(size):
        return maps
    return keras.layers.Resizing(*size, interpolation="bilinear")(maps)
