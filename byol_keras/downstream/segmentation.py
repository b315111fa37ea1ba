"""A class for every pixel."""

import keras

from ..arguments import check_positive
from .maps import enlarged, feature_maps, fused

__all__ = ["segmenter"]


def segmenter(
    encoder: keras.Model,
    classes: int,
    channels: int = 32,
    input_shape: tuple[int, int, int] | None = None,
    frozen: bool = False,
    name: str = "segmenter",
) -> keras.Model:
    """Builds a model that gives every pixel a probability for each class, from the maps of all scales.

    It is small on purpose, for small pictures and few masks; for others `keras_cv.models.DeepLabV3Plus` takes a
    `keras_cv_backbone`.

    Args:
        encoder: a built functional model of pictures in [0, 1]; it is copied and stays as it is.
        classes: number of classes, the background included.
        channels: that every map is brought to; twice as many are looked at together. Default 32.
        input_shape: of the pictures, `(height, width, channels)`. Default the encoder's.
        frozen: whether the encoder's weights and statistics stay as they are. Default False: layers that were frozen
            before stay so, unless the whole encoder was.
        name: of the model.

    Example:
    >>> from byol_keras.downstream import segmenter
    >>> from byol_keras.encoders import small_resnet
    >>> segmenter(small_resnet((32, 32, 3)), classes=9).output_shape
    (None, 32, 32, 9)
    """
    check_positive(classes=classes, channels=channels)
    features = feature_maps(encoder, input_shape, frozen)
    scores = keras.layers.Conv2D(classes, 1, name="scores")(fused(features.outputs, channels))
    scores = enlarged(scores, features.inputs[0].shape[1:3])
    return keras.Model(features.inputs[0], keras.layers.Softmax(dtype="float32", name="classes")(scores), name=name)
