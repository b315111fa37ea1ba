"""What stands in front of a network that reads tables."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

__all__ = ["Columns"]


@keras.saving.register_keras_serializable(package="byol_keras")
class Columns(keras.layers.Layer):
    """Rows of numbers as a network likes them: columns of one scale, and one column for each category.

    Args:
        mean: of every column. Default 0.
        deviation: standard deviation of every column, positive. Default 1.
        categories: how many categories there are, by the number of the column that holds them, as 0, 1, 2, ...; any
            other number is none of them, and gives zeros. Default none.
        **kwargs: of every Keras layer.

    Example:
    >>> layer = Columns(mean=[1.0, 0.0], deviation=[2.0, 1.0], categories={1: 3})
    >>> layer(tf.constant([[5.0, 2.0], [1.0, 7.0]])).numpy()
    array([[2., 0., 0., 1.],
           [0., 0., 0., 0.]], dtype=float32)
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
        categories: Mapping[int, int] | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.mean = None if mean is None else [float(value) for value in mean]
        self.deviation = None if deviation is None else [float(value) for value in deviation]
        # The keys of what JSON has kept are texts.
        self.categories = {int(column): int(count) for column, count in dict(categories or {}).items()}
        if self.deviation is not None and not min(self.deviation) > 0.0:
            raise ValueError(f"`deviation` must be positive in every column. Received: {min(self.deviation)} in one")
        for column, count in self.categories.items():
            if column < 0 or count < 1:
                raise ValueError(
                    "`categories` must give columns, from 0 on, the number of their categories, 1 or more. "
                    f"Received: categories={self.categories}"
                )

    def build(self, input_shape: tuple) -> None:
        columns = input_shape[-1]
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if values is not None and len(values) != columns:
                raise ValueError(
                    f"`{name}` must have one number for each of the {columns} columns. Received: {len(values)} numbers"
                )
        if not max(self.categories, default=0) < columns:
            raise ValueError(
                f"`categories` must be of columns from 0 to {columns - 1}. Received: categories={self.categories}"
            )

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        numeric = [column for column in range(rows.shape[-1]) if column not in self.categories]
        scaled = rows if self.mean is None else rows - tf.constant(self.mean)
        scaled = scaled if self.deviation is None else scaled / tf.constant(self.deviation)
        # All of them are gathered too: a bare product LiteRT would make a part of the layer behind, which can't be in
        # integers then.
        parts = [tf.gather(scaled, tf.constant(numeric, tf.int32), axis=-1)]
        for column, count in sorted(self.categories.items()):
            found = rows[..., column, tf.newaxis] == tf.range(count, dtype=rows.dtype)
            parts.append(tf.cast(found, rows.dtype))
        return tf.concat(parts, axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        width = input_shape[-1] - len(self.categories) + sum(self.categories.values())
        return (*input_shape[:-1], width)

    def get_config(self) -> dict:
        own = {"mean": self.mean, "deviation": self.deviation, "categories": self.categories}
        return super().get_config() | own
