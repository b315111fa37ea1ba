"""What a training step needs to know about devices and replicas, and about failing safely."""

from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

__all__ = [
    "accelerated",
    "after",
    "agree",
    "all_finite",
    "apply_if",
    "computed",
    "counter",
    "gathered",
    "measured",
    "replicas",
    "seen",
    "snapshot",
    "summed",
    "track",
]


def counter(name: str, start: int = 0) -> keras.Variable:
    """A whole number that steps count up, the same on every replica and saved with the weights."""
    return keras.Variable(start, name=name, dtype="int64", trainable=False, aggregation="only_first_replica")


def accelerated() -> bool:
    """Whether there is anything but processors to compute with."""
    return any(device.device_type != "CPU" for device in tf.config.list_logical_devices())


def replicas() -> int:
    """Number of replicas that a step runs on, 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def measured(metrics: Iterable[keras.metrics.Metric]) -> dict[str, tf.Tensor]:
    """What a step returns to Keras: the result of every metric, by name."""
    found = {metric.name: metric.result() for metric in metrics}
    strategy = tf.distribute.get_strategy()
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and strategy.extended._in_multi_worker_mode():
        # Between workers Keras takes the mean along the first axis, which scalars do not have.
        return {name: tf.reshape(value, [1]) for name, value in found.items()}
    return found


def track(tracker: keras.metrics.Mean, value: tf.Tensor, size: tf.Tensor) -> None:
    """Adds the mean over `size` examples to a metric; of a last batch a replica may get none, which has no mean."""
    tracker.update_state(tf.where(size > 0, value, 0.0), sample_weight=size)


def seen(tracker: keras.metrics.Mean) -> tf.Tensor:
    """How many examples `track` has been told of by all replicas, if their shares were equal."""
    return tracker.count * replicas()


def agree(flag: tf.Tensor) -> tf.Tensor:
    """True where `flag` is true on every replica."""
    if replicas() == 1:
        return flag
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.cast(flag, tf.int32)) == replicas()


def gathered(batch: tf.Tensor) -> tf.Tensor:
    """The batches of all replicas, one after the other."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return batch
    # Among several processes TensorFlow asks where a tensor lies; of one that comes from outside it does not know.
    return context.all_gather(tf.identity(batch), axis=0)


def all_finite(tensors: Iterable[tf.Tensor]) -> tf.Tensor:
    """Whether no element of any tensor is NaN or infinite. None counts as finite."""
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(tensor)) for tensor in _dense(tensors)])


def computed(tensors: Iterable[tf.Tensor | tf.IndexedSlices | None]) -> tf.Tensor:
    """A boolean that is not known before every one of the tensors is."""
    return all_finite(tf.reshape(tensor, [-1])[:1] for tensor in _dense(tensors))


def _dense(tensors: Iterable[tf.Tensor | tf.IndexedSlices | None]) -> list[tf.Tensor]:
    return [getattr(tensor, "values", tensor) for tensor in tensors if tensor is not None]


def after(known: tf.Tensor, batch: object) -> object:
    """The batch, not before `known`, a boolean; zeros where that is false.

    A control dependency would say the same to TensorFlow, but XLA orders by what is computed from what alone.
    """

    def chosen(leaf: tf.Tensor) -> tf.Tensor:
        # `tf.where` would broadcast the boolean, which takes twenty times as long.
        return tf.raw_ops.Select(condition=known, x=leaf, y=tf.zeros_like(leaf))

    return keras.tree.map_structure(chosen, batch)


def summed(*gradients: tf.Tensor | tf.IndexedSlices | None) -> tf.Tensor | tf.IndexedSlices | None:
    """The sum of a variable's gradients, of which None counts as zero."""
    parts = [gradient for gradient in gradients if gradient is not None]
    if len(parts) < 2:
        return parts[0] if parts else None
    if not all(isinstance(part, tf.IndexedSlices) for part in parts):
        return tf.add_n(parts)
    # Rows of an embedding. Two may be the same one, as they may be in the gradient of a single loss.
    values, indices = (tf.concat([getattr(part, name) for part in parts], axis=0) for name in ("values", "indices"))
    return tf.IndexedSlices(values, indices, parts[0].dense_shape)


def snapshot(variables: Iterable[keras.Variable]) -> Callable[[], None]:
    """Remembers the values of `variables`; the returned function puts them back."""
    kept = [(variable, tf.identity(variable.value)) for variable in variables]

    def restore() -> None:
        for variable, value in kept:
            variable.assign(value)

    return restore


def apply_if(condition: tf.Tensor, optimizer: keras.optimizers.Optimizer, gradients: list, variables: list) -> None:
    """Applies the gradients where `condition` holds, and does nothing where it does not.

    Args:
        condition: boolean scalar, equal on every replica.
        optimizer: a built optimizer.
        gradients: one per variable, None allowed.
        variables: the variables that the optimizer was built for.
    """
    if tf.__internal__.distribute.strategy_supports_no_merge_call():
        tf.cond(condition, lambda: optimizer.apply(gradients, variables), lambda: None)
    else:
        context = tf.distribute.get_replica_context()
        context.merge_call(_apply_merged, args=(condition, gradients), kwargs={"to": (optimizer, variables)})


def _apply_merged(strategy: tf.distribute.Strategy, condition: tf.Tensor, gradients: list, to: tuple) -> None:
    # An optimizer merges its replicas, which is not allowed inside a condition: the condition comes between.
    optimizer, variables = to
    each = strategy.extended.call_for_each_replica
    tf.cond(
        strategy.experimental_local_results(condition)[0],
        lambda: each(optimizer.apply, args=(gradients, variables)),
        lambda: None,
    )
