"""What this machine has to train with."""

import platform

import keras
import tensorflow as tf

from ..precision import fastest_precision
from ..version import __version__

__all__ = ["environment"]


def environment() -> dict[str, str]:
    """Versions, devices, and the precision that suits them, in the order in which they are shown.

    Example:
    >>> environment()["keras backend"]
    'tensorflow'
    """
    return {
        "byol_keras": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "keras backend": keras.backend.backend(),
        "devices": ", ".join(map(_described, tf.config.list_physical_devices())),
        "fastest precision": fastest_precision(),
        "compiled by XLA": "yes"
        if tf.config.list_physical_devices("GPU")
        else "no (slower than plain graphs on a CPU)",
    }


def _described(device: tf.config.PhysicalDevice) -> str:
    details = tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
    return details.get("device_name", device.device_type)
