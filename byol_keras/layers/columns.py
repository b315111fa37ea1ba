"""What stands in front of a network that reads tables."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from .scaling import Scaling

__all__ = ["Columns"]


@keras.saving.register_keras_serializable(package="byol_keras")
class Columns(Scaling):
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

    each = "column"

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
        categories: Mapping[int, int] | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(mean, deviation, **kwargs)
        # The keys of what JSON has kept are texts.
        self.categories = {int(column): int(count) for column, count in dict(categories or {}).items()}
        for column, count in self.categories.items():
            if column < 0 or count < 1:
                raise ValueError(
                    "`categories` must give columns, from 0 on, the number of their categories, 1 or more. "
                    f"Received: categories={self.categories}"
                )

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        columns = input_shape[-1]
        if not max(self.categories, default=0) < columns:
            raise ValueError(
                f"`categories` must be of columns from 0 to {columns - 1}. Received: categories={self.categories}"
            )

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        numeric = [column for column in range(rows.shape[-1]) if column not in self.categories]
        # Gathered even where all are numeric: LiteRT would make a bare product a part of the layer behind it, and could
        # not quantise that.
        parts = [tf.gather(self.scaled(rows), tf.constant(numeric, tf.int32), axis=-1)]
        for column, count in sorted(self.categories.items()):
            found = rows[..., column, tf.newaxis] == tf.range(count, dtype=rows.dtype)
            parts.append(tf.cast(found, rows.dtype))
        return tf.concat(parts, axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        width = input_shape[-1] - len(self.categories) + sum(self.categories.values())
        return (*input_shape[:-1], width)

    def get_config(self) -> dict:
        return super().get_config() | {"categories": self.categories}
