"""Arrays of any type and channel count as pictures that a browser shows."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from .markup import Html

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["data_uri", "displayable", "thumbnail"]


def displayable(pictures: np.ndarray) -> np.ndarray:
    """Pictures as uint8 RGB.

    Of more than three channels the first three are shown, of one or two the first. Floats are taken to lie in
    [0, 1]; where they don't, their range is stretched to it, and one value alone is black. 16-bit integers keep their
    upper eight bits.

    Args:
        pictures: array of shape `(..., height, width, channels)`.

    Example:
    >>> displayable(np.full((1, 1, 1), 0.5)).tolist()
    [[[128, 128, 128]]]
    """
    pictures = np.asarray(pictures)
    channels = pictures.shape[-1]
    colours = pictures[..., :3] if channels >= 3 else np.repeat(pictures[..., :1], 3, axis=-1)
    return _bytes(colours)


def _bytes(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8 or values.size == 0:
        return values.astype(np.uint8)
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    values = np.where(np.isfinite(values), values, 0.0).astype(np.float32)
    low, high = values.min(), values.max()
    # Interpolation leaves views a little outside [0, 1]; they are still pictures in [0, 1].
    if low < -0.01 or high > 1.01:
        values = (values - low) / max(high - low, 1e-12)
    return np.round(255.0 * np.clip(values, 0.0, 1.0)).astype(np.uint8)


def thumbnail(picture: np.ndarray, size: int) -> "Image.Image":
    """One picture made smaller, never larger, so that its longer side is at most `size` pixels."""
    from PIL import Image

    image = Image.fromarray(displayable(picture))
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return image


def data_uri(image: "Image.Image") -> Html:
    """A picture inside an address; small ones lossless."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=max(image.size) <= 48, quality=82, method=4)
    return Html("data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"))
