"""Antialiased resizing of a part of a picture, on the host."""

import math

import numpy as np

__all__ = ["Box", "central_box", "resample", "whole"]

Box = tuple[float, float, float, float]
"""Top, left, height and width of a part, in pixels, not necessarily whole ones."""


def central_box(height: int, width: int, size: tuple[int, int]) -> Box:
    """The largest central part of the aspect ratio of `size`, in whole pixels.

    Example:
    >>> central_box(100, 200, (32, 32))
    (0, 50, 100, 100)
    """
    high = min(height, max(1, round(width * size[0] / size[1])))
    wide = min(width, max(1, round(height * size[1] / size[0])))
    return (height - high) // 2, (width - wide) // 2, high, wide


def whole(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at `size`: its largest central part of that aspect ratio, resized."""
    if pixels.shape[:2] == size:
        return pixels
    return resample(pixels, central_box(*pixels.shape[:2], size), size)


def resample(pixels: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """A part of a picture, resized to `size` with the triangle filter; pixels outside of it have no influence.

    Equals `tf.image.resize(part, size, antialias=True)`, for uint8 up to rounding.

    Args:
        pixels: `(height, width, channels)`, uint8 or float32.
        box: the part, within the picture.
        size: height and width of the result.
    """
    top, left = int(box[0]), int(box[1])
    bottom, right = math.ceil(box[0] + box[2]), math.ceil(box[1] + box[3])
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    inner = (box[0] - top, box[1] - left, box[2], box[3])
    if part.shape[-1] == 3 and part.dtype == np.uint8:
        return _resized(part, inner, size)
    planes = [_resized(np.ascontiguousarray(part[..., plane]), inner, size) for plane in range(part.shape[-1])]
    return np.stack(planes, axis=-1)


def _resized(part: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    top, left, high, wide = box
    image = Image.fromarray(part)
    # Rounding errors must not lead out of the picture.
    edges = (left, top, min(left + wide, image.width), min(top + high, image.height))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR, box=edges))
