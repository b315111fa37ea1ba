"""One switch for the number format of a run."""

import keras
import tensorflow as tf

__all__ = ["fastest_precision", "set_precision"]

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def set_precision(precision: str) -> str:
    """Sets the policy of every model built from here on, and the graph options that go with it on this device.

    Weights, statistics, losses and exported models stay in float32. On a CPU, bfloat16 also lets TensorFlow
    rewrite what the policy left in float32 for oneDNN.

    Args:
        precision: `"float32"`; `"bfloat16"`; `"float16"` (with loss scaling, for GPUs without bfloat16); or
            `"auto"`: bfloat16 on GPUs of compute capability 8 and up and on TPUs, float16 on GPUs of capability 7,
            float32 elsewhere.

    Returns:
        The word that was chosen.

    Example:
    >>> set_precision("float32")
    'float32'
    """
    if precision not in (*_POLICIES, "auto"):
        raise ValueError(f"`precision` must be one of {[*_POLICIES, 'auto']}. Received: precision={precision!r}")
    if precision == "auto":
        precision = fastest_precision()
    keras.config.set_dtype_policy(_POLICIES[precision])
    on_cpu = not tf.config.list_physical_devices("GPU")
    tf.config.optimizer.set_experimental_options(
        {"auto_mixed_precision_onednn_bfloat16": on_cpu and precision == "bfloat16"}
    )
    return precision


def fastest_precision() -> str:
    """The word that `set_precision("auto")` stands for on this machine."""
    if tf.config.list_physical_devices("TPU"):
        return "bfloat16"
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capability = min((detail.get("compute_capability", (0, 0)) for detail in details), default=(0, 0))
    return "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"
