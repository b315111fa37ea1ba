"""Encoders by name, for a command line."""

import inspect
import re
from collections.abc import Callable

import keras

from ..arguments import did_you_mean
from ..layers.convert import convert_both
from .pooling import pooled
from .residual import Shape, Statistics, pixel_normalization
from .resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from .small import small_resnet

__all__ = ["named"]

_OURS = {f.__name__: f for f in (resnet18, resnet34, resnet50, resnet101, resnet152, small_resnet)}
_WIDER = re.compile(r"(\w+)x([1-9])")
# Below this side the paper's stem leaves maps of a few pixels.
_SMALL_PICTURES = 64


def named(name: str, input_shape: Shape, statistics: Statistics | None = None) -> keras.Model:
    """Builds an encoder with fresh weights: one of ours, or any network of `keras.applications`.

    `x2` behind one of our names doubles all its channels, as in the paper's ResNet-50 (2x). Pictures of up to 64 pixels
    get the small stem of our ResNets. Networks of `keras.applications` get our fused batch normalisation and
    depthwise convolutions for grouped ones, and take pixels in [0, 1] as ours do: they are normalised in front of them.

    Args:
        name: `"resnet18"`, ..., `"small_resnet"`, `"resnet50x2"`, `"MobileNetV3Small"`, `"EfficientNetV2B0"`, ...
        input_shape: `(height, width, channels)`.
        statistics: mean and standard deviation of the pixels. Default as in `resnet18` for ours; 0.5 and 0.5, which
            make -1 to 1 of the pixels, for networks of `keras.applications`.

    Example:
    >>> named("small_resnet", (32, 32, 3)).output_shape
    (None, 64)
    >>> named("small_resnetx2", (32, 32, 3)).output_shape
    (None, 128)
    """
    wider = _WIDER.fullmatch(name)
    ours, width = (wider[1], int(wider[2])) if wider else (name, 1)
    if ours in _OURS:
        small = ours != "small_resnet" and None not in input_shape[:2] and max(input_shape[:2]) <= _SMALL_PICTURES
        stem = {"stem": "small"} if small else {}
        return _OURS[ours](input_shape, width=width, statistics=statistics, **stem)
    networks = _applications()
    if name.lower() not in networks:
        known = [*_OURS, *(network.__name__ for network in networks.values())]
        raise ValueError(
            f"`encoder` must be one of {', '.join(_OURS)} or a network of keras.applications."
            f"{did_you_mean(name, known)} Received: encoder={name!r}"
        )
    return _from_applications(networks[name.lower()], input_shape, (0.5, 0.5) if statistics is None else statistics)


def _from_applications(build: Callable, input_shape: Shape, statistics: Statistics) -> keras.Model:
    # Of any size inside, so that `resized` finds one input shape only.
    any_size = (None, None, input_shape[-1])
    # Each step of a preprocessing of their own would be rounded once more in integers, and by so much that ConvNeXt's
    # vectors are others then.
    options = {"include_preprocessing": False} if "include_preprocessing" in inspect.signature(build).parameters else {}
    backbone = convert_both(build(include_top=False, weights=None, input_shape=any_size, **options))
    pixels = keras.Input(input_shape, name="pixels")
    scaled = pixel_normalization(input_shape[-1], statistics)(pixels)
    # EfficientNet gives no choice, and expects 0..255.
    if any(isinstance(layer, keras.layers.Rescaling) for layer in backbone.layers):
        scaled = keras.layers.Rescaling(127.5, 127.5, dtype="float32")(scaled)
    return pooled(keras.Model(pixels, backbone(scaled), name=backbone.name))


def _applications() -> dict[str, Callable]:
    found = vars(keras.applications)
    return {key.lower(): value for key, value in found.items() if key[0].isupper() and inspect.isfunction(value)}
