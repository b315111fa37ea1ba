"""Single pictures in `.npy` files: any number of channels, never a pickle."""

import io
import math

import numpy as np

from .pixels import as_pixels, check_area
from .source import CUT, Broken

__all__ = ["decode_npy", "npy_header"]

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def npy_header(data: bytes) -> tuple[tuple[int, int, int], np.dtype, bool, int]:
    """Shape `(height, width, channels)`, type, whether columns come first, and where the numbers begin."""
    stream = io.BytesIO(data)
    try:
        shape, by_columns, dtype = _READERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # The header is Python text, and may be anything.
        raise Broken("is damaged: its header can't be read") from error
    if len(shape) not in (2, 3):
        raise Broken(f"holds an array of shape {shape}, not (height, width) or (height, width, channels)")
    if dtype.kind not in "uf":
        raise Broken(f"holds values of type {dtype}, not uint8, uint16 or floats in [0, 1]")
    shape = shape if len(shape) == 3 else (*shape, 1)
    if min(shape) < 1:
        raise Broken(f"has no pixels: its shape is {shape}")
    # Channels take memory as pixels do.
    check_area(shape[0] * shape[2], shape[1])
    return shape, dtype, by_columns, stream.tell()


def decode_npy(data: bytes) -> np.ndarray:
    """The pixels of an `.npy` file, uint8 or float32 in [0, 1]. Raises `Broken`."""
    shape, dtype, by_columns, start = npy_header(data)
    count = math.prod(shape)
    if len(data) - start < count * dtype.itemsize:
        raise Broken(CUT)
    values = np.frombuffer(data, dtype, count, start).reshape(shape, order="F" if by_columns else "C")
    return as_pixels(values)
