"""Clips told apart by what happens in them."""

import keras

from ..arguments import check_positive
from .maps import feature_maps

__all__ = ["clip_classifier"]


def clip_classifier(
    encoder: keras.Model,
    classes: int,
    frames: int,
    channels: int = 64,
    input_shape: tuple[int, int, int] | None = None,
    frozen: bool = False,
    name: str = "clip_classifier",
) -> keras.Model:
    """Builds a model that says which of some actions a clip shows, from an encoder of pictures.

    The encoder makes a map of every frame, its coarsest; two convolutions over time, height and width compare them.
    So it sees where things are and where they go, which the mean of `bk.encoders.over_frames` does not.

    Args:
        encoder: a built functional model of pictures in [0, 1]; it is copied and stays as it is.
        classes: number of actions.
        frames: number of frames in a clip.
        channels: of the convolutions over time. Default 64.
        input_shape: of a frame, `(height, width, channels)`. Default the encoder's.
        frozen: whether the encoder's weights and statistics stay as they are. Default False: layers that were frozen
            before stay so, unless the whole encoder was.
        name: of the model.

    Example:
    >>> from byol_keras.downstream import clip_classifier
    >>> from byol_keras.encoders import small_resnet
    >>> model = clip_classifier(small_resnet((32, 32, 3)), classes=8, frames=6)
    >>> model.input_shape, model.output_shape
    ((None, 6, 32, 32, 3), (None, 8))
    """
    check_positive(classes=classes, frames=frames, channels=channels)
    features = feature_maps(encoder, input_shape, frozen)
    coarsest = keras.Model(features.inputs[0], features.outputs[-1], name=f"{encoder.name}_maps")
    clips = keras.Input((frames, *coarsest.input_shape[1:]), name="clips")
    maps = coarsest(keras.ops.reshape(clips, (-1, *coarsest.input_shape[1:])))
    maps = keras.ops.reshape(maps, (-1, frames, *coarsest.output_shape[1:]))
    for layer in range(1, 3):
        maps = keras.layers.Conv3D(channels, 3, padding="same", activation="relu", name=f"over_time_{layer}")(maps)
    found = keras.layers.GlobalMaxPooling3D(dtype="float32")(maps)
    return keras.Model(clips, keras.layers.Dense(classes, activation="softmax", dtype="float32")(found), name=name)
