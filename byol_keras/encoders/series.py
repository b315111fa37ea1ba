"""How every encoder of series begins and ends."""

import numbers
from collections.abc import Sequence

import keras

from ..layers import Steps

__all__ = ["Statistics", "pooled_steps", "series_input"]

Statistics = tuple[Sequence[float], Sequence[float]]


def series_input(
    input_shape: tuple[int | None, int], statistics: Statistics | None
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input of an encoder, and its steps on one scale and masked.

    Args:
        input_shape: `(time, channels)`; a time of None stands for any.
        statistics: mean and standard deviation of every channel, None where they are on one scale already.
    """
    sizes = tuple(input_shape) if isinstance(input_shape, list | tuple) else ()
    known = [size for size in sizes[:1] if size is not None] + [*sizes[1:]]
    if len(sizes) != 2 or not all(isinstance(size, numbers.Integral) and size > 0 for size in known):
        raise ValueError(
            "`input_shape` must be (time, channels), positive integers of which time may be None. "
            f"Received: input_shape={input_shape}"
        )
    mean, deviation = (None, None) if statistics is None else statistics
    inputs = keras.Input(sizes, name="series")
    return inputs, Steps(mean, deviation, name="steps")(inputs)


def pooled_steps(steps: keras.KerasTensor) -> keras.KerasTensor:
    """The mean of all steps that a mask does not leave out."""
    # In float32 under every policy, so that the mean over many steps keeps its digits.
    return keras.layers.GlobalAveragePooling1D(dtype="float32", name="representation")(steps)
