"""What every kind of views has in common."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .randomness import as_seed, fold_in

__all__ = ["Views", "check_finite", "unit_range"]


class Views:
    """Base class of views whose random choices depend on (seed, position in the global batch, view) alone.

    `views(batch, seed)` returns the pair of views. A subclass overrides one method, `view(batch, seed,
    index)`, which makes view 0 or view 1 from a seed of that view's own, and takes its random numbers from
    `randomness.positional_uniform`. That is the promise behind the class: under `tf.distribute` every replica
    is given the same seed, and replicas still draw differently. Any other callable may serve as views too,
    but a replica's id has to be folded into its seed.

    A subclass also overrides `get_config`, to be saved with a model, and where its data needs it:

    - `prepare(batch)`: what is done once for both views. By default uint8 becomes float32 in [0, 1].
    - `check(batch)`: looks at a first batch before training, outside of any graph, and raises `ValueError`
      for one that no training should start on. By default one with values that aren't finite.

    Example:
    >>> class Noise(Views):
    ...     def view(self, batch, seed, index):
    ...         return batch + 0.1 * tf.random.stateless_normal(tf.shape(batch), seed)
    >>> first, second = Noise()(tf.zeros((4, 8)), seed=(0, 1))
    >>> bool(tf.reduce_all(first == second))
    False
    """

    def __call__(self, batch: Any, seed: tf.Tensor) -> tuple[Any, Any]:
        """Return view one and view two of a batch; `seed` is an int32 tensor of shape (2,)."""
        seed = as_seed(seed)
        batch = self.prepare(batch)
        return self.view(batch, fold_in(seed, 0), 0), self.view(batch, fold_in(seed, 1), 1)

    def view(self, batch: Any, seed: tf.Tensor, index: int) -> Any:
        raise NotImplementedError(f"`{type(self).__name__}` must override `view`.")

    def prepare(self, batch: Any) -> Any:
        return keras.tree.map_structure(unit_range, batch)

    def check(self, batch: Any) -> None:
        check_finite(batch)

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Views":
        return cls(**config)


def unit_range(values: tf.Tensor) -> tf.Tensor:
    """uint8 as float32 in [0, 1]; anything else as it is."""
    values = tf.convert_to_tensor(values)
    if values.dtype != tf.uint8:
        return values
    return tf.cast(values, tf.float32) / 255.0


def check_finite(batch: Any) -> None:
    """Raise `ValueError` if a floating-point array of the batch holds a NaN or an infinity."""
    for values in map(np.asarray, keras.tree.flatten(batch)):
        if tf.as_dtype(values.dtype).is_floating and not np.isfinite(values).all():
            bad = np.count_nonzero(~np.isfinite(values))
            raise ValueError(
                "`x` must be finite: remove or replace NaN and infinity. "
                f"Received: {bad} of {values.size} values not finite"
            )
