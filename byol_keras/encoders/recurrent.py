"""Networks that read a series step by step."""

from collections.abc import Sequence

import keras

from ..arguments import check_all_positive
from .series import Statistics, pooled_steps, series_input

__all__ = ["CELLS", "recurrent", "recurrent_layer"]

CELLS = {"simple": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
"""What `recurrent` takes as `cell`."""


def recurrent(
    input_shape: tuple[int | None, int],
    cell: str = "gru",
    units: Sequence[int] = (128,),
    bidirectional: bool = False,
    statistics: Statistics | None = None,
    unroll: bool = False,
    name: str = "recurrent",
) -> keras.Model:
    """Builds an encoder of recurrent layers; the representation is the mean of the last layer's states.

    The mean and not the last state, because views are windows that end anywhere: a state that remembers the last steps
    best is another one in each view. Steps of zeros at the end of a series are padding (see `bk.layers.Steps`): they
    change no state and count in no mean.

    Over hundreds of steps gradients of recurrent layers may explode: clip them in the optimizer, by the norm of each
    variable's gradient (`clipnorm`) or of all together (`global_clipnorm`), as in the example.

    Args:
        input_shape: `(time, channels)`; a time of None stands for any.
        cell: `"simple"`, `"gru"` or `"lstm"`. Default `"gru"`.
        units: of the layers; the last is the size of the representation, or half of it if `bidirectional`. Default
            `(128,)`.
        bidirectional: whether every layer also reads from the end to the start. Default False.
        statistics: mean and standard deviation of every channel, which is brought to one scale first. Default None:
            channels go in as they are.
        unroll: whether steps are laid out side by side instead of looped over, for a few dozen of them; what full int8
            in LiteRT needs. Default False.
        name: of the model.

    Example:
    >>> import byol_keras as bk
    >>> encoder = bk.encoders.recurrent((1000, 1), units=(8,))
    >>> model = bk.BYOL(encoder, views=bk.views.SequenceViews())
    >>> model.compile(keras.optimizers.AdamW(1e-3, global_clipnorm=1.0))
    >>> encoder.output_shape
    (None, 8)
    """
    if cell not in CELLS:
        raise ValueError(f"`cell` must be one of {[*CELLS]}. Received: cell={cell!r}")
    check_all_positive(units=units)
    inputs, steps = series_input(input_shape, statistics)
    if unroll and input_shape[0] is None:
        raise ValueError(f"`unroll` needs a known time in `input_shape`. Received: input_shape={tuple(input_shape)}")
    for number, width in enumerate(units, start=1):
        layer = recurrent_layer(cell, width, unroll, name=f"{cell}_{number}")
        steps = (keras.layers.Bidirectional(layer, name=f"both_ways_{number}") if bidirectional else layer)(steps)
    return keras.Model(inputs, pooled_steps(steps), name=name)


def recurrent_layer(cell: str, units: int, unroll: bool, name: str | None = None) -> keras.layers.RNN:
    """A layer of this cell, which gives every step a state."""
    # TensorFlow can't make orthogonal matrices, which are Keras' default, in bfloat16.
    orthogonal = keras.config.dtype_policy().variable_dtype != "bfloat16"
    initializer = "orthogonal" if orthogonal else "glorot_uniform"
    return CELLS[cell](units, return_sequences=True, unroll=unroll, recurrent_initializer=initializer, name=name)
