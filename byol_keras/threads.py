"""How the operations of a step share a processor's cores."""

import contextlib
import os

import tensorflow as tf

from .stepping import accelerated

__all__ = ["at_once", "cores", "spread_over_cores"]

_INTRA_OP, _INTER_OP = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"


def spread_over_cores() -> None:
    """On a machine of two cores and no GPU, lets each core work on an operation of its own.

    TensorFlow would divide every operation among all cores, which for small ones costs more than it gains, while a
    step of BYOL always has two operations to do at once: those of its two views. Measured on two cores, a step of the
    small network became 1.1 to 1.3 times as fast, one of ResNet-18 on small pictures 1.05 times, and ResNet-50 on large
    ones 1.07 times, for a fifth more memory (`at_once`), which is its user's to choose. For more cores nothing has been
    measured, and nothing is changed; nor is it where the two environment variables TF_NUM_INTRAOP_THREADS and
    TF_NUM_INTEROP_THREADS say something, or where TensorFlow has begun to compute already.
    """
    if cores() != 2 or tf.config.list_physical_devices("GPU") or any(map(os.environ.get, (_INTRA_OP, _INTER_OP))):
        return
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(2)


def at_once() -> bool:
    """Whether a step had better do both of two independent things at the same time, which takes the memory of both.

    An accelerator does one operation after the other anyway, and operations that are divided among two cores keep both
    of them busy. Not so where each operation has one core. More than two might wait for each other in operations that
    are too small for them; there nothing has been measured.
    """
    if accelerated():
        return False
    return cores() > 2 or (_threads_of_an_operation() == 1 and cores() > 1)


def cores() -> int:
    """How many of the machine's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads_of_an_operation() -> int:
    """0 where that is left to TensorFlow."""
    asked = os.environ.get(_INTRA_OP, "")
    return tf.config.threading.get_intra_op_parallelism_threads() or (int(asked) if asked.isdecimal() else 0)
