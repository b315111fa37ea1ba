"""Which numbers are pixels: uint8, or fractions of one in float32. Everything else is brought there or refused."""

import numpy as np

from .source import Broken

__all__ = ["LARGEST_PICTURE", "as_pixels", "cast_pixels", "check_area", "with_channels"]

# Half a gigabyte of RGB, from which on Pillow too takes a picture for an attack.
LARGEST_PICTURE = 178_956_970

# What decoders and resizing may overshoot [0, 1] by.
_OVERSHOOT = 1e-3

# ITU-R 601-2, as in Pillow's and libjpeg's conversion to grey, so that arrays and files agree. The grey of the views is
# that of the paper's code, which rounds to 0.2989: less than a fiftieth of a level of 255 lies between the two.
_LUMA = np.array([0.299, 0.587, 0.114], "float32")


def check_area(height: int, width: int) -> None:
    """Refuses by its header a picture that is empty, or that would fill the memory when decoded."""
    if height < 1 or width < 1:
        raise Broken(f"has no pixels: it is {width} x {height}")
    if height * width > LARGEST_PICTURE:
        raise Broken(f"claims {width} x {height} pixels, more than the {LARGEST_PICTURE} that are decoded")


def as_pixels(array: np.ndarray) -> np.ndarray:
    """uint8 as it is; uint16 and floats, of either byte order, as float32 in [0, 1].

    Example:
    >>> as_pixels(np.array([0, 65535], "uint16"))
    array([0., 1.], dtype=float32)
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return array.astype("float32") * np.float32(1 / 65535)
    if array.dtype.kind != "f":
        raise Broken(f"holds numbers of type {array.dtype}, not uint8, uint16 or floats in [0, 1]")
    return _checked_floats(array.astype("float32", copy=False))


def _checked_floats(array: np.ndarray) -> np.ndarray:
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise Broken("holds floats that are not finite")
    if low < -_OVERSHOOT or high > 1 + _OVERSHOOT:
        raise Broken(f"holds floats outside [0, 1], in [{low:g}, {high:g}]")
    return array


def cast_pixels(array: np.ndarray, dtype: str) -> np.ndarray:
    """The same picture as `"uint8"` or `"float32"`."""
    if array.dtype == dtype:
        return array
    if dtype == "uint8":
        return np.round(np.clip(array, 0.0, 1.0) * 255.0).astype("uint8")
    return array.astype("float32") * np.float32(1 / 255)


def with_channels(array: np.ndarray, channels: int | None) -> np.ndarray:
    """The picture with one or three channels where that is asked for; None leaves it alone.

    Example:
    >>> with_channels(np.zeros((2, 2, 1), "uint8"), 3).shape
    (2, 2, 3)
    """
    found = array.shape[-1]
    if channels is None or found == channels:
        return array
    if (found, channels) == (1, 3):
        return np.repeat(array, 3, axis=-1)
    if (found, channels) == (3, 1):
        grey = array.astype("float32") @ _LUMA[:, None]
        return np.round(grey).astype("uint8") if array.dtype == np.uint8 else grey
    raise ValueError(f"`channels` must fit the pictures, which have {found}. Received: channels={channels}")
