"""A network for rows of numbers."""

from collections.abc import Mapping, Sequence

import keras

from ..arguments import check_all_positive, check_positive
from ..layers import Columns, make_normalization

__all__ = ["mlp"]


def mlp(
    input_shape: int | tuple[int],
    widths: Sequence[int] = (256, 256),
    normalization: str = "batch",
    synchronized: bool = False,
    statistics: tuple[Sequence[float], Sequence[float]] | None = None,
    categories: Mapping[int, int] | None = None,
    name: str = "mlp",
) -> keras.Model:
    """Builds an encoder of dense layers, each followed by a normalisation and a ReLU.

    Args:
        input_shape: number of columns, or a tuple of it.
        widths: of the layers; the last is the size of the representation. Default `(256, 256)`.
        normalization: `"batch"` or `"group"`. Default `"batch"`.
        synchronized: whether batch statistics are shared by all replicas. Default False.
        statistics: mean and standard deviation of every column, which is brought to one scale first. Default None:
            columns go in as they are.
        categories: number of categories, by the number of the column that holds them. Default none.
        name: of the model.

    Example:
    >>> from byol_keras.encoders import mlp
    >>> mlp(784, widths=(512, 128)).output_shape
    (None, 128)
    """
    sizes = tuple(input_shape) if isinstance(input_shape, list | tuple) else (input_shape,)
    if len(sizes) != 1:
        raise ValueError(
            f"`input_shape` must be a number of columns, or a tuple of it. Received: input_shape={input_shape}"
        )
    check_positive(input_shape=sizes[0])
    check_all_positive(widths=widths)
    mean, deviation = (None, None) if statistics is None else statistics
    inputs = keras.Input((int(sizes[0]),), name="features")
    rows = Columns(mean, deviation, categories, name="columns")(inputs)
    for number, width in enumerate(widths, start=1):
        # The normalisation behind it has a bias of its own.
        rows = keras.layers.Dense(width, use_bias=False, name=f"dense_{number}")(rows)
        rows = make_normalization(normalization, width, synchronized, name=f"norm_{number}")(rows)
        rows = keras.layers.ReLU(name=f"relu_{number}")(rows)
    return keras.Model(inputs, rows, name=name)
