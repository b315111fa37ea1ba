"""From a batch of data to the two inputs of the encoders."""

from collections.abc import Callable

import keras
import tensorflow as tf

from .stepping import replicas
from .views import Views
from .views.base import unit_range

__all__ = ["as_encoded", "make_pair", "seed_of_batch"]


def seed_of_batch(seed: int, stream: int, index: tf.Tensor) -> tf.Tensor:
    """The seed of one batch: a function of the run's seed, of what it is drawn for, and of the batch's number."""
    index = tf.cast(index, tf.int64)
    return tf.cast(tf.random.experimental.stateless_fold_in([seed, stream], index, alg="philox"), tf.int32)


def make_pair(views: Callable | None, inputs: object, seed: tf.Tensor) -> tuple[object, object]:
    """Both views of `inputs`, which bring them along where `views` is None."""
    if views is None:
        return inputs["view_1"], inputs["view_2"]
    return views(inputs, _seed_of_replica(views, seed))


def _seed_of_replica(views: Callable, seed: tf.Tensor) -> tf.Tensor:
    # Our own views number the examples of the global batch; to any other callable all replicas would look alike.
    context = tf.distribute.get_replica_context()
    if isinstance(views, Views) or context is None or replicas() == 1:
        return seed
    return tf.random.experimental.stateless_fold_in(seed, context.replica_id_in_sync_group, alg="philox")


def as_encoded(inputs: object, encoder: keras.Model) -> object:
    """`inputs` as `encoder` takes them: to an encoder of floats, uint8 means fractions of 255."""
    if any(not tensor.dtype.startswith("float") for tensor in getattr(encoder, "inputs", [])):
        return inputs
    return keras.tree.map_structure(unit_range, inputs)
