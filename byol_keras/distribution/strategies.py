"""From a word to a `tf.distribute` strategy."""

from collections.abc import Callable

import tensorflow as tf

from .cluster import Cluster

__all__ = ["STRATEGIES", "strategy_named"]

STRATEGIES = ("auto", "none", "mirrored", "multiworker", "tpu")


def strategy_named(word: str = "auto") -> tf.distribute.Strategy:
    """The strategy that a word stands for.

    | word | |
    |---|---|
    | `none` | the one in whose scope this is called, else TensorFlow's default: one device |
    | `mirrored` | a replica on every GPU of this machine, or on every logical CPU where there is no GPU |
    | `multiworker` | the same on every process that `TF_CONFIG` names, or that `srun` has started |
    | `tpu` | a replica on every core of the TPU |
    | `auto` | the one in whose scope this is called, else `multiworker` where there are several processes, else \
    `mirrored` where there are several GPUs |

    For `multiworker` this has to come before anything that TensorFlow computes, and it waits for all processes.

    Args:
        word: one of them. Default `"auto"`.

    Example:
    >>> strategy_named("none").num_replicas_in_sync
    1
    """
    if word not in STRATEGIES:
        raise ValueError(f"`strategy` must be one of {', '.join(STRATEGIES)}. Received: strategy={word!r}")
    return _MAKERS[_chosen() if word == "auto" else word]()


def _chosen() -> str:
    if tf.distribute.has_strategy():
        return "none"
    cluster = Cluster.of_environment()
    if cluster is not None and cluster.count > 1:
        return "multiworker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "none"


def _mirrored() -> tf.distribute.Strategy:
    if tf.config.list_physical_devices("GPU"):
        return tf.distribute.MirroredStrategy()
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    # Of two strategies with the default collectives in one process, one gets the other's messages.
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=tf.distribute.ReductionToOneDevice())


def _multiworker() -> tf.distribute.Strategy:
    cluster = Cluster.of_environment()
    if cluster is None:
        raise ValueError(
            "`strategy` can't be multiworker here: neither TF_CONFIG names the processes nor has srun started several. "
            "Received: strategy='multiworker'"
        )
    cluster.check_port()
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster.resolver())
    except RuntimeError as error:
        raise RuntimeError(
            "`strategy` must be made before TensorFlow computes anything: in a notebook, restart the kernel and make "
            f"it first. Received: {' '.join(str(error).split())}"
        ) from None


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"`strategy` can't be tpu here: no TPU answers ({reason}). Received: strategy='tpu'") from None
    return tf.distribute.TPUStrategy(resolver)


_MAKERS: dict[str, Callable[[], tf.distribute.Strategy]] = {
    "none": tf.distribute.get_strategy,
    "mirrored": _mirrored,
    "multiworker": _multiworker,
    "tpu": _tpu,
}
