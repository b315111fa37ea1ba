"""How TensorFlow divides a processor's cores among the operations of a step."""

import contextlib
import os

import tensorflow as tf

__all__ = ["cores", "spread_over_cores"]

_VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def spread_over_cores() -> None:
    """On a machine of two cores and no GPU, lets each core work on an operation of its own.

    TensorFlow would divide every operation among all cores, which for small ones costs more than it gains, while a
    step of BYOL always has two operations to do at once: those of its two views. Measured on two cores, a step of the
    small network became 1.3 times as fast, one of ResNet-18 1.05 times. For more cores nothing has been measured, and
    nothing is changed; nor is it where the two environment variables TF_NUM_INTRAOP_THREADS and
    TF_NUM_INTEROP_THREADS say something, or where TensorFlow has begun to compute already.
    """
    if cores() != 2 or tf.config.list_physical_devices("GPU") or any(name in os.environ for name in _VARIABLES):
        return
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(2)


def cores() -> int:
    """How many of the machine's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
