"""What the machine can do: convolutions and matrix products of a good size, by each library."""

import time
from collections.abc import Callable

__all__ = ["tensorflow_peaks", "torch_peaks"]

SIDE = 2048  # of the matrices
IMAGES, MAP, CHANNELS = 32, 16, 256  # of a 3x3 convolution
OPERATIONS = {"matmul": 2.0 * SIDE**3, "convolution": 2.0 * 9 * IMAGES * MAP**2 * CHANNELS**2}


def tensorflow_peaks() -> Callable[[], dict[str, float]]:
    """GFLOP/s in TensorFlow, by kind and precision."""
    import tensorflow as tf

    calls = {}
    for dtype in (tf.float32, tf.bfloat16):
        matrix = tf.ones((SIDE, SIDE), dtype)
        images, kernel = (tf.ones(shape, dtype) for shape in ((IMAGES, MAP, MAP, CHANNELS), (3, 3, CHANNELS, CHANNELS)))
        multiply = tf.function(lambda a: tf.reduce_max(tf.matmul(a, a)))
        convolve = tf.function(lambda a, b: tf.reduce_max(tf.nn.conv2d(a, b, 1, "SAME")))
        calls[f"matmul {dtype.name}"] = lambda f=multiply, a=matrix: float(f(a))
        calls[f"convolution {dtype.name}"] = lambda f=convolve, a=images, b=kernel: float(f(a, b))
    return lambda: {name: _speed(name, call) for name, call in calls.items()}


def torch_peaks() -> Callable[[], dict[str, float]]:
    """GFLOP/s in PyTorch, by kind and precision."""
    import torch

    calls = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        matrix = torch.ones(SIDE, SIDE, dtype=dtype)
        images = torch.ones(IMAGES, CHANNELS, MAP, MAP, dtype=dtype).to(memory_format=torch.channels_last)
        kernel = torch.ones(CHANNELS, CHANNELS, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
        calls[f"matmul {name}"] = lambda a=matrix: a @ a
        calls[f"convolution {name}"] = lambda a=images, b=kernel: torch.nn.functional.conv2d(a, b, padding=1)
    return lambda: {name: _speed(name, call) for name, call in calls.items()}


def _speed(name: str, call: Callable[[], object], times: int = 5) -> float:
    """The best of a few, in GFLOP/s: a peak is what nobody disturbed."""
    fastest = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        call()
        fastest = min(fastest, time.perf_counter() - began)
    return OPERATIONS[name.split()[0]] / fastest / 1e9
