"""More pixels than there were."""

import keras

from ..arguments import check_positive
from .maps import enlarged, feature_maps, fused

__all__ = ["super_resolution"]


def super_resolution(
    encoder: keras.Model,
    scale: int = 2,
    channels: int = 32,
    input_shape: tuple[int, int, int] | None = None,
    frozen: bool = False,
    name: str = "super_resolution",
) -> keras.Model:
    """Builds a model that enlarges pictures: the bilinear enlargement, and what it lacks from the maps of all scales.

    In the beginning it is the bilinear enlargement exactly. Its pixels may overshoot [0, 1] a little.

    Args:
        encoder: a built functional model of pictures in [0, 1]; it is copied and stays as it is.
        scale: 2 or 4, how many times higher and wider the result is. Default 2.
        channels: that every map is brought to; twice as many are looked at together. Default 32.
        input_shape: of the small pictures, `(height, width, channels)`. Default the encoder's.
        frozen: whether the encoder's weights and statistics stay as they are. Default False: layers that were frozen
            before stay so, unless the whole encoder was.
        name: of the model.

    Example:
    >>> from byol_keras.downstream import super_resolution
    >>> from byol_keras.encoders import small_resnet
    >>> super_resolution(small_resnet((32, 32, 3)), scale=4, input_shape=(16, 16, 3)).output_shape
    (None, 64, 64, 3)

    Reference: [Kim et al., 2016](https://arxiv.org/abs/1511.04587) for learning what an interpolation lacks.
    """
    check_positive(channels=channels)
    if scale not in (2, 4):
        raise ValueError(f"`scale` must be 2 or 4. Received: scale={scale}")
    features = feature_maps(encoder, input_shape, frozen)
    pixels = features.inputs[0]
    height, width, colours = pixels.shape[1:]
    # The picture itself keeps what the encoder's first layers have thrown away.
    known = keras.layers.Conv2D(channels, 3, padding="same", activation="relu")(pixels)
    detail = keras.layers.Concatenate()([known, enlarged(fused(features.outputs, channels), (height, width))])
    for factor in (2, 4)[: scale // 2]:
        detail = keras.layers.Conv2D(2 * channels, 3, padding="same", activation="relu")(detail)
        detail = enlarged(detail, (factor * height, factor * width))
    detail = keras.layers.Conv2D(channels, 3, padding="same", activation="relu")(detail)
    detail = keras.layers.Conv2D(colours, 3, padding="same", kernel_initializer="zeros", dtype="float32")(detail)
    coarse = keras.layers.Resizing(scale * height, scale * width, dtype="float32", name="bilinear")(pixels)
    return keras.Model(pixels, keras.layers.Add(dtype="float32", name="pixels_out")([coarse, detail]), name=name)
