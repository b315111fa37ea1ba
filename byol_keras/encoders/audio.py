"""A network for spectrograms."""

from collections.abc import Sequence

import keras

from ..arguments import check_all_positive, check_positive
from .blocks import BasicBlocks

__all__ = ["SPECTROGRAM", "audio"]

SPECTROGRAM = "spectrogram"
"""What the input of an encoder of sound is called, by which it is told from one of pictures."""


def audio(
    input_shape: tuple[int, int | None, int],
    widths: Sequence[int] = (32, 64, 64),
    features: int = 512,
    normalization: str = "batch",
    synchronized: bool = False,
    name: str = "audio",
) -> keras.Model:
    """Builds an encoder of log-mel spectrograms: convolutions, then dense layers on every step in time, then pooling.

    Each 3x3 convolution is followed by a normalisation, a ReLU and a pooling that halves bands and time. At each step
    that is left, two dense layers look at all frequencies and channels together. The representation is the sum of their
    mean and their maximum over time: what lasts and what happens. There is no dropout; all else is as in BYOL-A, but
    smaller (theirs are widths of 64 and 2048 features).

    Args:
        input_shape: `(mels, time, 1)`, where `time` may be None: any.
        widths: channels of the convolutions. Default `(32, 64, 64)`.
        features: size of the dense layers, and of the representation. Default 512.
        normalization: `"batch"`, or `"group"` (with weight standardisation). Default `"batch"`.
        synchronized: whether batch statistics are shared by all replicas. Default False.
        name: of the model.

    Example:
    >>> from byol_keras.encoders import audio
    >>> audio((64, None, 1), widths=(16, 32), features=128).output_shape
    (None, 128)

    Reference: [Niizumi et al., 2021](https://arxiv.org/abs/2103.06695).
    """
    mels, time, channels = _checked_shape(input_shape)
    check_all_positive(widths=widths)
    check_positive(features=features)
    blocks = BasicBlocks(normalization, synchronized, zero_last_gamma=False)
    inputs = keras.Input((mels, time, channels), name=SPECTROGRAM)
    maps = inputs
    for number, width in enumerate(widths, start=1):
        maps = blocks.activate(maps, width, 3, 1, f"block_{number}")
        maps = keras.layers.MaxPooling2D(2, 2, "same", name=f"block_{number}_pool")(maps)
    steps = keras.layers.Permute((2, 1, 3), name="time_first")(maps)
    steps = keras.layers.Reshape((-1, steps.shape[2] * steps.shape[3]), name="steps")(steps)
    for number in (1, 2):
        steps = keras.layers.Dense(features, activation="relu", name=f"dense_{number}")(steps)
    # In float32 under every policy, so that the mean over many steps keeps its digits.
    mean = keras.layers.GlobalAveragePooling1D(dtype="float32", name="mean")(steps)
    peak = keras.layers.GlobalMaxPooling1D(dtype="float32", name="peak")(steps)
    return keras.Model(inputs, keras.layers.Add(dtype="float32", name="representation")([mean, peak]), name=name)


def _checked_shape(shape: tuple[int, int | None, int]) -> tuple[int, int | None, int]:
    if len(shape) != 3 or shape[2] != 1:
        raise ValueError(f"`input_shape` must be (mels, time, 1). Received: input_shape={shape}")
    check_positive(input_shape=shape[0], **{} if shape[1] is None else {"time": shape[1]})
    return tuple(shape)
