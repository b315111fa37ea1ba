"""The way back: from a representation to what it is of."""

from collections.abc import Sequence

import keras

from .. import admission
from ..arguments import check_all_positive
from ..layers import make_normalization

__all__ = ["decoder_for"]

_ROWS, _MAPS = (256, 256), (64, 32, 16)


def decoder_for(
    encoder: keras.Model,
    widths: Sequence[int] | None = None,
    normalization: str = "batch",
    synchronized: bool = False,
    name: str = "decoder",
) -> keras.Model:
    """Builds a decoder from an encoder's vectors to what the encoder takes.

    - *Rows*, of shape `(columns,)`: a dense layer, a normalisation and a ReLU for each width.
    - *Series*, of shape `(time, channels)`, and *pictures*, of shape `(height, width, channels)`: a dense layer makes
      a small map of `widths[0]` channels, `2 ** len(widths)` times smaller along every side. Then for each width the
      map is doubled by repetition and goes through a convolution over 3 steps or 3 by 3 pixels, a normalisation and a
      ReLU. What is too much at the end is cut off.

    Last comes a layer without activation, in float32.

    Args:
        encoder: a built functional or `Sequential` model that returns vectors, with an input of known shape.
        widths: of the layers, from the representation outwards. Default None: `(256, 256)` for rows, `(64, 32, 16)`
            otherwise, the mirror of `bk.encoders.small_resnet`.
        normalization: `"batch"` or `"group"`. Default `"batch"`.
        synchronized: whether batch statistics are shared by all replicas. Default False.
        name: of the model.

    Example:
    >>> import byol_keras as bk
    >>> decoder = decoder_for(bk.encoders.small_resnet((30, 32, 3)))
    >>> decoder.input_shape, decoder.output_shape
    ((None, 64), (None, 30, 32, 3))
    """
    shape, features = _ends(encoder)
    widths = (_ROWS if len(shape) == 1 else _MAPS) if widths is None else tuple(widths)
    check_all_positive(widths=widths)
    inputs = keras.Input((features,), name="representation")
    settings = (normalization, synchronized)
    rebuilt = _rows(inputs, widths, settings) if len(shape) == 1 else _maps(inputs, shape[:-1], widths, settings)
    last = {"name": "reconstruction", "dtype": "float32"}
    layer = keras.layers.Dense(shape[-1], **last) if len(shape) == 1 else _convolution(len(shape) - 1, shape[-1], last)
    return keras.Model(inputs, layer(rebuilt), name=name)


def _ends(encoder: keras.Model) -> tuple[tuple[int, ...], int]:
    """The shape of an example and the length of its representation."""
    admission.check_head(encoder, "encoder")
    inputs, returned = getattr(encoder, "inputs", None) or [], admission.output_shape(encoder)
    shape = tuple(inputs[0].shape[1:]) if len(inputs) == 1 else ()
    if not 1 <= len(shape) <= 3 or None in shape or not isinstance(returned, tuple) or len(returned) != 2:
        raise ValueError(
            "`encoder` must turn rows, series or pictures of one known shape into vectors. "
            f"Received: encoder={encoder.name!r} from {[tuple(tensor.shape) for tensor in inputs]} to {returned}"
        )
    return shape, returned[-1]


def _rows(x: keras.KerasTensor, widths: Sequence[int], settings: tuple) -> keras.KerasTensor:
    for number, width in enumerate(widths, start=1):
        x = keras.layers.Dense(width, use_bias=False, name=f"dense_{number}")(x)
        x = _activated(x, width, settings, number)
    return x


def _maps(x: keras.KerasTensor, sides: tuple[int, ...], widths: Sequence[int], settings: tuple) -> keras.KerasTensor:
    rank, scale = len(sides), 2 ** len(widths)
    small = [-(-side // scale) for side in sides]
    count = widths[0]
    for side in small:
        count *= side
    x = keras.layers.Dense(count, name="small_map")(x)
    x = keras.layers.Reshape((*small, widths[0]), name="map")(x)
    doubling, cropping = (
        (keras.layers.UpSampling1D, keras.layers.Cropping1D)
        if rank == 1
        else (keras.layers.UpSampling2D, keras.layers.Cropping2D)
    )
    for number, width in enumerate(widths, start=1):
        x = doubling(2, name=f"double_{number}")(x)
        x = _convolution(rank, width, {"name": f"conv_{number}", "use_bias": False})(x)
        x = _activated(x, width, settings, number)
    cuts = [(0, scale * part - side) for part, side in zip(small, sides, strict=True)]
    return cropping(cuts[0] if rank == 1 else cuts, name="cut")(x) if any(cut for _, cut in cuts) else x


def _convolution(rank: int, width: int, options: dict) -> keras.layers.Layer:
    layer = keras.layers.Conv1D if rank == 1 else keras.layers.Conv2D
    return layer(width, 3, padding="same", **options)


def _activated(x: keras.KerasTensor, width: int, settings: tuple, number: int) -> keras.KerasTensor:
    normalization, synchronized = settings
    x = make_normalization(normalization, width, synchronized, name=f"norm_{number}")(x)
    return keras.layers.ReLU(name=f"relu_{number}")(x)
