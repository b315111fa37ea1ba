"""Parts of a graph that XLA compiles by themselves, where that is what a CPU is fastest with."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["alone", "here"]


def here() -> bool:
    """Whether what is traced now is a graph for CPUs, of a TensorFlow that has XLA."""
    if tf.executing_eagerly() or not tf.test.is_built_with_xla():
        return False
    return all(device.device_type == "CPU" for device in tf.config.list_logical_devices())


def alone(function: Callable, *arguments: Any) -> Any:
    """`function(*arguments)`, compiled by XLA `here`, and as it is elsewhere.

    Each call is a program of its own, whatever is compiled around it or not. XLA fuses all that it sees at once, on
    CPUs at the price of computing a value anew for each of its uses; what is used several times had better end a
    program.
    """
    if not here():
        return function(*arguments)
    return tf.function(function, autograph=False, jit_compile=True)(*arguments)
