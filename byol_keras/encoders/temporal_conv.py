"""A residual network that looks at a series through windows of growing length."""

import dataclasses
from collections.abc import Sequence

import keras

from ..arguments import check_all_positive, check_positive
from ..layers import MaskedConv1D, make_normalization
from .series import Statistics, pooled_steps, series_input

__all__ = ["temporal_conv"]


def temporal_conv(
    input_shape: tuple[int | None, int],
    widths: Sequence[int] = (64, 128, 256),
    kernel: int = 5,
    strides: int = 2,
    normalization: str = "batch",
    synchronized: bool = False,
    statistics: Statistics | None = None,
    name: str = "temporal_conv",
) -> keras.Model:
    """Builds an encoder of residual 1-D convolutions: a stem, then a block of two for each width.

    Every block but the first leaves `1 / strides` of the steps; the representation is the mean of the last block's
    steps. With the default three blocks it is made of windows of 49 steps: take more widths for longer rhythms.

    Steps of zeros at the end of a series are padding (see `bk.layers.Steps`): in use, the representation does not
    depend on how many there are, and in training they are no part of batch statistics.

    Args:
        input_shape: `(time, channels)`; a time of None stands for any.
        widths: channels of each block; the last is the size of the representation. Default `(64, 128, 256)`.
        kernel: steps that a convolution sees. Default 5.
        strides: how many times fewer steps every block but the first leaves. Default 2.
        normalization: `"batch"`, or `"layer"`, which looks at one step only. Default `"batch"`.
        synchronized: whether batch statistics are shared by all replicas. Default False.
        statistics: mean and standard deviation of every channel, which is brought to one scale first. Default None:
            channels go in as they are.
        name: of the model.

    Example:
    >>> from byol_keras.encoders import temporal_conv
    >>> temporal_conv((None, 3), widths=(16, 32)).output_shape
    (None, 32)
    """
    check_positive(kernel=kernel, strides=strides)
    check_all_positive(widths=widths)
    if normalization not in ("batch", "layer"):
        raise ValueError(f'`normalization` must be "batch" or "layer". Received: normalization={normalization}')
    blocks = _Blocks(kernel, normalization, synchronized)
    inputs, steps = series_input(input_shape, statistics)
    steps = blocks.activate(steps, widths[0], 1, "stem")
    for number, width in enumerate(widths, start=1):
        steps = blocks.block(steps, width, 1 if number == 1 else strides, f"block_{number}")
    return keras.Model(inputs, pooled_steps(steps), name=name)


@dataclasses.dataclass(frozen=True)
class _Blocks:
    kernel: int
    normalization: str
    synchronized: bool

    def block(self, source: keras.KerasTensor, width: int, strides: int, name: str) -> keras.KerasTensor:
        inner = self.activate(source, width, strides, f"{name}_in")
        inner = self.convolve(inner, width, self.kernel, 1, f"{name}_out")
        if strides != 1 or source.shape[-1] != width:
            source = self.convolve(source, width, 1, strides, f"{name}_shortcut")
        return keras.layers.ReLU(name=name)(keras.layers.Add(name=f"{name}_add")([inner, source]))

    def activate(self, steps: keras.KerasTensor, width: int, strides: int, name: str) -> keras.KerasTensor:
        return keras.layers.ReLU(name=f"{name}_relu")(self.convolve(steps, width, self.kernel, strides, name))

    def convolve(self, steps: keras.KerasTensor, width: int, kernel: int, strides: int, name: str) -> keras.KerasTensor:
        convolution = MaskedConv1D(
            width, kernel, strides, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
        )
        if self.normalization == "layer":
            normalization = keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm")
        else:
            normalization = make_normalization("batch", width, self.synchronized, name=f"{name}_norm")
        return normalization(convolution(steps))
