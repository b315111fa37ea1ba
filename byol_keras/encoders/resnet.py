"""The ResNets of He et al., at every usual depth."""

from collections.abc import Sequence

import keras

from ..arguments import check_positive
from .blocks import BasicBlocks, Blocks, BottleneckBlocks
from .residual import Shape, Stage, Statistics, residual_network

__all__ = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


def resnet18(
    input_shape: Shape,
    stem: str = "imagenet",
    width: int = 1,
    normalization: str = "batch",
    synchronized: bool = False,
    zero_last_gamma: bool = False,
    statistics: Statistics | None = None,
    name: str = "resnet18",
) -> keras.Model:
    """Builds a ResNet-18 encoder: pixels in, 512 features out.

    The first layer normalises the pixels (in float32 under every precision), the layer `stage_{i}` ends stage
    i = 1 to 4, and the mean over all positions is the representation.

    Args:
        input_shape: `(height, width, channels)`, for pixels in [0, 1]. Height and width may be None.
        stem: `"imagenet"` (7x7 convolution and pooling, for pictures of about 96 pixels or more), or
            `"small"` (a 3x3 convolution, for CIFAR). Default `"imagenet"`.
        width: Multiple of every layer's channels, at least 1. Default 1.
        normalization: `"batch"`, or `"group"`: group normalisation with weight standardisation, for training
            without batch statistics. Default `"batch"`.
        synchronized: Whether batch statistics are shared by all replicas of a strategy. Default False.
        zero_last_gamma: Whether every block starts as the identity. Default False.
        statistics: Mean and standard deviation of the pixels, each a number or one per channel. Default
            ImageNet's for three channels, otherwise 0.5 and 0.25.
        name: Name of the model.

    Example:
    >>> from byol_keras.encoders import resnet18
    >>> resnet18(input_shape=(32, 32, 3), stem="small").output_shape
    (None, 512)

    References:
        - [He et al., 2016](https://arxiv.org/abs/1512.03385)
        - [Richemond et al., 2020](https://arxiv.org/abs/2010.10241), for `normalization="group"`
    """
    blocks = BasicBlocks(normalization, synchronized, zero_last_gamma)
    return _resnet((2, 2, 2, 2), blocks, input_shape, stem, width, statistics, name)


def resnet34(
    input_shape: Shape,
    stem: str = "imagenet",
    width: int = 1,
    normalization: str = "batch",
    synchronized: bool = False,
    zero_last_gamma: bool = False,
    statistics: Statistics | None = None,
    name: str = "resnet34",
) -> keras.Model:
    """Builds a ResNet-34 encoder: 512 features, the arguments of `resnet18`."""
    blocks = BasicBlocks(normalization, synchronized, zero_last_gamma)
    return _resnet((3, 4, 6, 3), blocks, input_shape, stem, width, statistics, name)


def resnet50(
    input_shape: Shape,
    stem: str = "imagenet",
    width: int = 1,
    normalization: str = "batch",
    synchronized: bool = False,
    zero_last_gamma: bool = False,
    statistics: Statistics | None = None,
    name: str = "resnet50",
) -> keras.Model:
    """Builds a ResNet-50 (v1.5) encoder: 2048 features, the arguments of `resnet18`."""
    blocks = BottleneckBlocks(normalization, synchronized, zero_last_gamma)
    return _resnet((3, 4, 6, 3), blocks, input_shape, stem, width, statistics, name)


def resnet101(
    input_shape: Shape,
    stem: str = "imagenet",
    width: int = 1,
    normalization: str = "batch",
    synchronized: bool = False,
    zero_last_gamma: bool = False,
    statistics: Statistics | None = None,
    name: str = "resnet101",
) -> keras.Model:
    """Builds a ResNet-101 encoder: 2048 features, the arguments of `resnet18`."""
    blocks = BottleneckBlocks(normalization, synchronized, zero_last_gamma)
    return _resnet((3, 4, 23, 3), blocks, input_shape, stem, width, statistics, name)


def resnet152(
    input_shape: Shape,
    stem: str = "imagenet",
    width: int = 1,
    normalization: str = "batch",
    synchronized: bool = False,
    zero_last_gamma: bool = False,
    statistics: Statistics | None = None,
    name: str = "resnet152",
) -> keras.Model:
    """Builds a ResNet-152 encoder: 2048 features, the arguments of `resnet18`."""
    blocks = BottleneckBlocks(normalization, synchronized, zero_last_gamma)
    return _resnet((3, 8, 36, 3), blocks, input_shape, stem, width, statistics, name)


def _resnet(
    depths: Sequence[int],
    blocks: Blocks,
    input_shape: Shape,
    stem: str,
    width: int,
    statistics: Statistics | None,
    name: str,
) -> keras.Model:
    check_positive(width=width)
    stages = [Stage(64 * width * 2**index, depth, strides=1 if index == 0 else 2) for index, depth in enumerate(depths)]
    return residual_network(input_shape, stem, stages, blocks, statistics, name)
