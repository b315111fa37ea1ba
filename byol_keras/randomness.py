"""Random numbers that depend on a seed and on a position in the global batch, and on nothing else."""

import numpy as np
import tensorflow as tf

__all__ = ["as_seed", "between", "fold_in", "positional_normal", "positional_uniform"]


def as_seed(seed: tf.Tensor) -> tf.Tensor:
    """The seed as an int32 tensor of shape (2,), or an error that says so."""
    seed = tf.cast(tf.convert_to_tensor(seed), tf.int32)
    if not seed.shape.is_compatible_with((2,)):
        raise ValueError(f"`seed` must be two integers. Received: seed of shape {seed.shape}")
    return seed


def fold_in(seed: tf.Tensor, number: int) -> tf.Tensor:
    """A new seed from a seed and a number; the same on every device, compiled or not."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


def positional_uniform(seed: tf.Tensor, count: int | tf.Tensor, columns: int) -> tf.Tensor:
    """Numbers in [0, 1) for the examples that this replica holds.

    Under `tf.distribute` the numbers of the global batch are drawn everywhere and each replica takes the rows
    of its own examples. So replicas differ, and any number of replicas draws what one device would draw for
    the same global batch. Replicas must hold equally many examples.

    Args:
        seed: int32 tensor of shape (2,), the same on all replicas.
        count: Number of examples in this replica's batch.
        columns: How many numbers each example needs.

    Returns:
        A float64 tensor of shape (count, columns): multiples of 2**-24, so exact in float32 too.
    """
    replica, replicas = _place()
    # Bits, because floats drawn under XLA are other numbers than those drawn without it.
    bits = tf.random.stateless_uniform(
        (replicas * count, columns), seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    own = tf.slice(bits, (replica * count, 0), (count, columns))
    return tf.cast(tf.bitwise.right_shift(own, tf.constant(8, tf.uint32)), tf.float64) * 2.0**-24


def positional_normal(seed: tf.Tensor, shape: tf.Tensor | tuple[int, ...]) -> tf.Tensor:
    """Standard normal numbers for the examples that this replica holds, as `positional_uniform` draws them.

    Args:
        seed: int32 tensor of shape (2,), the same on all replicas.
        shape: Of this replica's batch, the number of examples first.

    Returns:
        A float32 tensor of that shape. Its numbers come from 2**24 steps, and so lie within 5.5.
    """
    shape = tf.convert_to_tensor(shape, tf.int32)
    uniform = positional_uniform(seed, shape[0], tf.reduce_prod(shape[1:]))
    # The middle of each step, because the normal number that belongs to 0 is infinite.
    return tf.reshape(tf.cast(tf.math.ndtri(uniform + 2.0**-25), tf.float32), shape)


def between(low: float, high: float, uniform: tf.Tensor) -> tf.Tensor:
    """Numbers in [low, high) from `positional_uniform`, to the last bit the same under XLA."""
    # XLA may fuse product and sum, and round once instead of twice. With float32 ends nothing is rounded at
    # all: 24 bits times 24 bits fit into float64.
    return float(np.float32(low)) + float(np.float32(high - low)) * uniform


def _place() -> tuple[int | tf.Tensor, int]:
    context = tf.distribute.get_replica_context()
    if context is None:
        return 0, 1
    return context.replica_id_in_sync_group, context.num_replicas_in_sync
