"""One switch for the number format of a run."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

__all__ = ["PRECISIONS", "fastest_precision", "restored_precision", "set_precision"]

_REWRITE = "auto_mixed_precision_onednn_bfloat16"

_CPU_FLAGS = Path("/proc/cpuinfo")

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}

PRECISIONS = (*_POLICIES, "auto")
"""What `set_precision` takes."""


def set_precision(precision: str) -> str:
    """Sets the policy of every model built from here on, and the graph options that go with it on this device.

    Weights, statistics, losses and exported models stay in float32. On a CPU, bfloat16 also lets TensorFlow
    rewrite what the policy left in float32 for oneDNN.

    Args:
        precision: `"float32"`; `"bfloat16"`; `"float16"` (with loss scaling, for GPUs without bfloat16); or
            `"auto"`: bfloat16 on GPUs of compute capability 8 and up, on TPUs, and on CPUs that are quick at it;
            float16 on GPUs of capability 7; float32 elsewhere.

    Returns:
        The word that was chosen.

    Example:
    >>> set_precision("float32")
    'float32'
    """
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {[*PRECISIONS]}. Received: precision={precision!r}")
    if precision == "auto":
        precision = fastest_precision()
    keras.config.set_dtype_policy(_POLICIES[precision])
    on_cpu = not tf.config.list_physical_devices("GPU")
    tf.config.optimizer.set_experimental_options({_REWRITE: on_cpu and precision == "bfloat16"})
    return precision


@contextlib.contextmanager
def restored_precision() -> Iterator[None]:
    """Leaves policy, graph options and TensorFloat-32, on the way out, as they were on the way in.

    Example:
    >>> with restored_precision():
    ...     word = set_precision("bfloat16")
    >>> word, keras.config.dtype_policy().name
    ('bfloat16', 'float32')
    """
    policy = keras.config.dtype_policy()
    rewritten = tf.config.optimizer.get_experimental_options().get(_REWRITE, False)
    shortened = tf.config.experimental.tensor_float_32_execution_enabled()
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(shortened)
        keras.config.set_dtype_policy(policy)
        tf.config.optimizer.set_experimental_options({_REWRITE: rewritten})


def fastest_precision() -> str:
    """The word that `set_precision("auto")` stands for on this machine."""
    if tf.config.list_physical_devices("TPU"):
        return "bfloat16"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "bfloat16" if _cpu_is_quick_at_bfloat16() else "float32"
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capability = min(detail.get("compute_capability", (0, 0)) for detail in details)
    return "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"


def _cpu_is_quick_at_bfloat16() -> bool:
    # Without instructions for it bfloat16 is emulated. With AVX-512's a step took 0.6 to 0.7 of the time on
    # AMD's processors, but 1.2 to 1.4 times as long on one of Intel's whose AMX a virtual machine does not see.
    if not _CPU_FLAGS.exists():
        return False
    words = set(_CPU_FLAGS.read_text().split())
    return "amx_bf16" in words or {"avx512_bf16", "AuthenticAMD"} <= words
