"""A residual network for small pictures and for CPUs."""

from collections.abc import Sequence

import keras

from ..arguments import check_all_positive, check_positive
from .blocks import BasicBlocks
from .residual import Shape, Stage, Statistics, residual_network

__all__ = ["small_resnet"]


def small_resnet(
    input_shape: Shape,
    widths: Sequence[int] = (16, 32, 64),
    normalization: str = "batch",
    synchronized: bool = False,
    zero_last_gamma: bool = False,
    statistics: Statistics | None = None,
    width: int = 1,
    name: str = "small_resnet",
) -> keras.Model:
    """Builds a residual network with a 3x3 stem and one block per width, for experiments on a CPU.

    Every block but the first halves the maps. The default has 77,392 trainable parameters.

    Args:
        input_shape: `(height, width, channels)`, for pixels in [0, 1].
        widths: Channels of each block; the last is the size of the representation. Default `(16, 32, 64)`.
        normalization: `"batch"`, or `"group"` (with weight standardisation). Default `"batch"`.
        synchronized: Whether batch statistics are shared by all replicas. Default False.
        zero_last_gamma: Whether every block starts as the identity. Default False.
        statistics: Mean and standard deviation of the pixels, as in `resnet18`.
        width: Multiple of every block's channels. Default 1.
        name: Name of the model.

    Example:
    >>> from byol_keras.encoders import small_resnet
    >>> encoder = small_resnet(input_shape=(32, 32, 3))
    >>> encoder.output_shape
    (None, 64)
    >>> [tuple(encoder.get_layer(f"stage_{i}").output.shape) for i in (1, 2, 3)]
    [(None, 32, 32, 16), (None, 16, 16, 32), (None, 8, 8, 64)]
    """
    check_all_positive(widths=widths)
    check_positive(width=width)
    stages = [Stage(width * channels, blocks=1, strides=2 if index else 1) for index, channels in enumerate(widths)]
    blocks = BasicBlocks(normalization, synchronized, zero_last_gamma)
    return residual_network(input_shape, "small", stages, blocks, statistics, name)
