"""Parts of a graph that XLA compiles by themselves, where that is what a CPU is fastest with."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from .stepping import accelerated

__all__ = ["alone", "here"]


def here() -> bool:
    """Whether what is traced now is a graph for CPUs that XLA doesn't compile as a whole, but could in parts."""
    if tf.executing_eagerly() or not tf.test.is_built_with_xla() or _is_compiled(tf.compat.v1.get_default_graph()):
        return False
    return not accelerated()


def alone(function: Callable, *arguments: Any) -> Any:
    """`function(*arguments)`, compiled by XLA as a program of its own `here`, and as it is elsewhere.

    XLA fuses what it sees at once, on CPUs at the price of computing a value anew for each of its uses. So what is
    used several times had better be what a program returns. A program is compiled once for all graphs of this process:
    the function must be one of a module, to which everything is given as an argument.
    """
    if not here():
        return function(*arguments)
    return _program(function, keras.tree.map_structure(_kind, arguments))(*arguments)


@cache
def _program(function: Callable, kinds: tuple) -> Callable:
    return tf.function(function, autograph=False, jit_compile=True)


def _kind(argument: Any) -> Any:
    return tf.TensorSpec.from_tensor(argument) if tf.is_tensor(argument) else argument


def _is_compiled(graph: Any) -> bool:
    # What `tf.function(jit_compile=True)` enters while it traces, and tells nobody else about. Results would be the
    # same without it.
    context = graph._get_control_flow_context() if hasattr(graph, "_get_control_flow_context") else None
    if context is not None and context.IsXLAContext():
        return True
    outer = getattr(graph, "outer_graph", None)
    return outer is not None and _is_compiled(outer)
