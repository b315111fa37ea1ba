"""The skeleton that every residual encoder shares: pixel normalisation, stem, stages, pooling."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from ..layers import PixelNormalization
from .blocks import Blocks

__all__ = ["Shape", "Stage", "Statistics", "pixel_normalization", "residual_network"]

Shape = tuple[int | None, int | None, int]
Statistics = tuple[Sequence[float] | float, Sequence[float] | float]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
STEMS = ("imagenet", "small")


@dataclasses.dataclass(frozen=True)
class Stage:
    """A run of blocks on maps of one size.

    Args:
        filters: Filters of the blocks' inner convolutions.
        blocks: Number of blocks.
        strides: Stride of the first block; the others have 1.
    """

    filters: int
    blocks: int
    strides: int


def residual_network(
    input_shape: Shape,
    stem: str,
    stages: Sequence[Stage],
    blocks: Blocks,
    statistics: Statistics | None,
    name: str,
) -> keras.Model:
    """Assembles an encoder in which the layer `stage_{i}`, from 1 on, ends stage `i`."""
    _check_input_shape(input_shape)
    if stem not in STEMS:
        raise ValueError(f'`stem` must be "imagenet" or "small". Received: stem={stem}')
    inputs = keras.Input(input_shape, name="pixels")
    channels = input_shape[-1]
    if statistics is None:
        statistics = IMAGENET if channels == 3 else (0.5, 0.25)
    x = pixel_normalization(channels, statistics)(inputs)
    x = blocks.stem(x, stages[0].filters, stem)
    for index, stage in enumerate(stages, start=1):
        x = _apply_stage(x, stage, blocks, f"stage_{index}")
    # In float32 under every policy, so that the mean over many positions keeps its digits.
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="representation")(x)
    return keras.Model(inputs, x, name=name)


def _apply_stage(x: keras.KerasTensor, stage: Stage, blocks: Blocks, name: str) -> keras.KerasTensor:
    for index in range(1, stage.blocks + 1):
        block = f"{name}_block_{index}"
        x = blocks.block(x, stage.filters, stage.strides if index == 1 else 1, block)
        x = keras.layers.ReLU(name=name if index == stage.blocks else f"{block}_relu")(x)
    return x


def pixel_normalization(channels: int, statistics: Statistics) -> PixelNormalization:
    """The layer that brings pixels of this mean and standard deviation to 0 and 1."""
    mean, std = _per_channel(statistics, channels)
    return PixelNormalization(
        mean=mean.tolist(), variance=np.square(std).tolist(), dtype="float32", name="pixel_normalization"
    )


def _per_channel(statistics: Statistics, channels: int) -> np.ndarray:
    try:
        pair = np.stack([np.broadcast_to(value, channels) for value in statistics]).astype(float)
    except (TypeError, ValueError):
        pair = np.zeros(())
    if pair.shape != (2, channels) or not np.all(pair[1] > 0):
        raise ValueError(
            "`statistics` must be a mean and a positive standard deviation, each a number or "
            f"{channels} of them. Received: statistics={statistics}"
        )
    return pair


def _check_input_shape(input_shape: Shape) -> None:
    if np.ndim(input_shape) != 1 or len(input_shape) != 3 or input_shape[-1] is None:
        raise ValueError(
            "`input_shape` must be (height, width, channels) with a known number of channels. "
            f"Received: input_shape={input_shape}"
        )
