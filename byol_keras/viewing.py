"""What views are, and the way from a batch of data to the two inputs of the encoders."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from .admission import check_finite
from .randomness import as_seed, fold_in
from .stepping import replicas

__all__ = ["Views", "as_encoded", "make_pair", "seed_of_batch", "seed_of_replica", "unit_range"]


class Views:
    """Base class of views whose random choices depend on (seed, position in the global batch, view) alone.

    `views(batch, seed)` returns the pair of views. A subclass overrides one method, `view(batch, seed,
    index)`, which makes view 0 or view 1 from a seed of that view's own, and takes its random numbers from
    `bk.views.positional_uniform` or `positional_normal`. That is the promise behind the class: under
    `tf.distribute` every replica is given the same seed, and replicas still draw differently. Any other callable
    may serve as views too; a model folds the replica's id into its seed.

    A subclass also overrides `get_config`, to be saved with a model, and where its data needs it:

    - `prepare(batch)`: what is done once for both views. By default nothing; where pictures come in as uint8,
      `bk.views.unit_range` makes floats of them.
    - `check(batch)`: looks at a first batch before training, outside of any graph, and raises `ValueError`
      for one that no training should start on. By default one with values that aren't finite.

    Example:
    >>> from byol_keras.views import Views, positional_normal
    >>> class Noise(Views):
    ...     def view(self, batch, seed, index):
    ...         return batch + 0.1 * positional_normal(seed, tf.shape(batch))
    >>> first, second = Noise()(tf.zeros((4, 8)), seed=(0, 1))
    >>> bool(tf.reduce_all(first == second))
    False
    """

    # Other callables make one changed batch, where only one is asked for.
    makes_pairs = True

    def __call__(self, batch: Any, seed: tf.Tensor) -> tuple[Any, Any]:
        """Return view one and view two of a batch; `seed` is an int32 tensor of shape (2,)."""
        seed = as_seed(seed)
        batch = self.prepare(batch)
        return self.view(batch, fold_in(seed, 0), 0), self.view(batch, fold_in(seed, 1), 1)

    def view(self, batch: Any, seed: tf.Tensor, index: int) -> Any:
        raise NotImplementedError(f"`{type(self).__name__}` must override `view`.")

    def prepare(self, batch: Any) -> Any:
        return batch

    def check(self, batch: Any) -> None:
        check_finite(batch)

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Views":
        return cls(**config)


def seed_of_batch(seed: int, stream: int, index: tf.Tensor) -> tf.Tensor:
    """The seed of one batch: a function of the run's seed, of what it is drawn for, and of the batch's number."""
    index = tf.cast(index, tf.int64)
    return tf.cast(tf.random.experimental.stateless_fold_in([seed, stream], index, alg="philox"), tf.int32)


def make_pair(views: Callable | None, inputs: object, seed: tf.Tensor) -> tuple[object, object]:
    """Both views of `inputs`, which bring them along where `views` is None."""
    if views is None:
        return inputs["view_1"], inputs["view_2"]
    return views(inputs, seed_of_replica(views, seed))


def seed_of_replica(views: Callable, seed: tf.Tensor) -> tf.Tensor:
    """The seed that `views` is given on this replica."""
    # Our own views number the examples of the global batch; to any other callable all replicas would look alike.
    context = tf.distribute.get_replica_context()
    if isinstance(views, Views) or context is None or replicas() == 1:
        return seed
    return tf.random.experimental.stateless_fold_in(seed, context.replica_id_in_sync_group, alg="philox")


def as_encoded(inputs: object, encoder: keras.Model) -> object:
    """`inputs` as `encoder` takes them: uint8 pictures in the `unit_range`, each that goes into an input of floats."""
    takers = getattr(encoder, "inputs", None) or []
    integers = {place for place, taker in enumerate(takers) if not keras.backend.is_float_dtype(taker.dtype)}
    leaves = keras.tree.flatten(inputs)
    encoded = [leaf if place in integers else unit_range(leaf) for place, leaf in enumerate(leaves)]
    return keras.tree.pack_sequence_as(inputs, encoded)


def unit_range(values: tf.Tensor) -> tf.Tensor:
    """uint8 of rank 4 or more (pictures, clips) as float32 in [0, 1]; anything else, such as token ids, as it is."""
    values = tf.convert_to_tensor(values)
    if values.dtype != tf.uint8 or (values.shape.rank or 0) < 4:
        return values
    return tf.cast(values, tf.float32) / 255.0
