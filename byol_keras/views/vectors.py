"""Views of rows of numbers: tables, sensors, anything without neighbours."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..arguments import check_shares, check_spreads
from ..randomness import fold_in, positional_normal, positional_uniform
from ..stepping import gathered
from ..viewing import Views

__all__ = ["VectorViews"]

_CORRUPTED, _ROWS, _MASKED, _SCALED, _NOISE = range(5)


@keras.saving.register_keras_serializable(package="byol_keras")
class VectorViews(Views):
    """Two random versions of every row of a batch of shape `(batch, columns)`.

    For each row and view anew, in this order:

    - *corruption*: a share of the values is replaced by what other rows of the batch have in the same column, so that
      every value stays one that the column may have;
    - *masking*: a share of the values is replaced by the column's mean over the batch, which says nothing;
    - *scaling*: all values of a row are multiplied by one factor, `exp(scaling * normal)`;
    - *noise*: a normal number is added to every value, in units of its column's standard deviation over the batch.

    Columns of categories, numbered from 0 on, are corrupted only. The batch is that of all replicas together.

    Args:
        corruption: share of values, in [0, 1]. Default 0.3.
        masking: share of values, in [0, 1]. Default 0.
        scaling: spread of the factor's logarithm, 0 or more. Default 0.
        noise: spread of the noise, 0 or more. Default 0.1.
        categorical: numbers of the columns that hold categories. Default none.

    Example:
    >>> views = VectorViews(corruption=0.5, noise=0.0)
    >>> rows = tf.reshape(tf.range(40.0), (10, 4))
    >>> first, second = views(rows, seed=(0, 1))
    >>> bool(tf.reduce_all(first % 4 == rows % 4))  # values stay in their columns
    True

    Reference: [Bahri et al., 2022](https://arxiv.org/abs/2106.15147) for corruption from the columns' own values.
    """

    def __init__(
        self,
        corruption: float = 0.3,
        masking: float = 0.0,
        scaling: float = 0.0,
        noise: float = 0.1,
        categorical: Sequence[int] = (),
    ) -> None:
        check_shares(corruption=corruption, masking=masking)
        check_spreads(scaling=scaling, noise=noise)
        if not all(isinstance(column, Integral) and not isinstance(column, bool) for column in categorical):
            raise ValueError(
                f"`categorical` must be numbers of columns, from 0 on. Received: categorical={categorical}"
            )
        self.corruption, self.masking = float(corruption), float(masking)
        self.scaling, self.noise = float(scaling), float(noise)
        self.categorical = sorted({int(column) for column in categorical})

    def prepare(self, batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
        rows = tf.cast(tf.convert_to_tensor(batch), tf.float32)
        return rows, gathered(rows) if self.corruption or self.masking or self.noise else rows

    def view(self, batch: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor, index: int) -> tf.Tensor:
        rows, everything = batch
        values = rows
        if self.corruption:
            chosen = self._chosen(_CORRUPTED, self.corruption, rows, seed)
            values = tf.where(chosen, _others(everything, rows, seed), values)
        changed = values
        if self.masking:
            chosen = self._chosen(_MASKED, self.masking, rows, seed)
            changed = tf.where(chosen, tf.reduce_mean(everything, axis=0), changed)
        if self.scaling:
            changed *= tf.exp(self.scaling * positional_normal(fold_in(seed, _SCALED), (tf.shape(rows)[0], 1)))
        if self.noise:
            spread = self.noise * tf.math.reduce_std(everything, axis=0)
            changed += spread * positional_normal(fold_in(seed, _NOISE), tf.shape(rows))
        return tf.where(self._are_categories(rows), values, changed)

    def check(self, batch: Any) -> None:
        super().check(batch)
        rows = np.asarray(batch)
        if rows.ndim != 2 or rows.dtype.kind not in "iufb":
            raise ValueError(
                "`views` takes rows of numbers, of shape (batch, columns). "
                f"Received: shape {rows.shape} and dtype {rows.dtype}"
            )
        if self.categorical and not 0 <= self.categorical[0] <= self.categorical[-1] < rows.shape[1]:
            raise ValueError(
                f"`categorical` must be numbers of columns, from 0 to {rows.shape[1] - 1}. "
                f"Received: categorical={self.categorical}"
            )

    def get_config(self) -> dict[str, Any]:
        names = ("corruption", "masking", "scaling", "noise", "categorical")
        return {name: getattr(self, name) for name in names}

    def _chosen(self, number: int, share: float, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return positional_uniform(fold_in(seed, number), tf.shape(batch)[0], batch.shape[1]) < share

    def _are_categories(self, batch: tf.Tensor) -> tf.Tensor:
        return tf.constant([column in self.categorical for column in range(batch.shape[1])])


def _others(everything: tf.Tensor, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """For each value one of any row, of the same column."""
    uniform = positional_uniform(fold_in(seed, _ROWS), tf.shape(batch)[0], batch.shape[1])
    rows = tf.cast(uniform * tf.cast(tf.shape(everything)[0], tf.float64), tf.int32)
    return tf.transpose(tf.gather(tf.transpose(everything), tf.transpose(rows), batch_dims=1))
