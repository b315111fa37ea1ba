"""From the bytes of a file to pixels, the same for training, evaluation and embedding."""

import io
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from .dicom import decode_dicom, dicom_header, is_dicom
from .npy import decode_npy, npy_header
from .pixels import as_pixels, check_area, with_channels
from .source import CUT, Broken, failing_in_words

__all__ = ["Header", "decode", "kind_of", "read_header", "upright"]

# The first bytes of what is decoded; the content counts, not the suffix.
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"\x93NUMPY": "NPY",
}
# What has a number of channels of its own.
_ARRAYS = {"NPY": decode_npy, "DICOM": decode_dicom}
_ORIENTATION = 0x0112
_END_OF_JPEG = b"\xff\xd9"


class Header(NamedTuple):
    """What is known of a picture before it is decoded."""

    kind: str
    """`"JPEG"`, `"PNG"`, `"NPY"` ..."""
    height: int
    """Of the upright picture."""
    width: int
    channels: int | None
    """Of `.npy` and DICOM files; None for others, which become what is asked for."""
    deep: bool
    """Whether eight bits are too few."""
    turned: bool
    """Whether EXIF has the stored picture turned or mirrored."""
    croppable: bool
    """Whether a part of it can be decoded: a JPEG, but not one in printers' inks."""


def read_header(data: bytes) -> Header:
    """The header of a picture. Raises `Broken` for what is none, or too large to be decoded."""
    kind = kind_of(data)
    if kind == "DICOM":
        return Header(kind, *dicom_header(data), deep=True, turned=False, croppable=False)
    if kind == "NPY":
        shape, dtype, _, _ = npy_header(data)
        return Header(kind, *shape, deep=dtype != np.uint8, turned=False, croppable=False)
    image = _open(data, kind)
    orientation = _orientation(image)
    height, width = image.size[::-1]
    # Pillow turns TIFFs by itself, and gives the size they will have.
    if orientation >= 5 and kind != "TIFF":
        height, width = width, height
    croppable = kind == "JPEG" and image.mode in ("L", "RGB")
    return Header(kind, height, width, None, _is_deep(image, data), orientation != 1, croppable)


def decode(data: bytes, channels: int | None = None) -> np.ndarray:
    """The upright picture `(height, width, channels)`, uint8 or float32 in [0, 1]. Raises `Broken`.

    GIFs and other moving pictures give their first frame; transparent pixels show white; palettes, inks and other
    colour spaces become RGB. Pictures of 16 bits per channel and floats become float32 (of 16-bit colour TIFFs Pillow
    reads the upper eight bits). EXIF orientation is applied.

    Args:
        data: the content of a JPEG, PNG, GIF, BMP, WebP, TIFF, DICOM or `.npy` file.
        channels: 1 for grey or 3 for RGB. None, the default, means 3 for pictures, and leaves DICOM and `.npy` as
            they are.
    """
    kind = kind_of(data)
    if kind in _ARRAYS:
        return with_channels(_ARRAYS[kind](data), channels)
    image = _open(data, kind)
    with failing_in_words():
        pixels = _deep_png(data) if _png_depth(data) == 16 else _pillow_pixels(image, channels)
    if kind != "TIFF":
        pixels = upright(pixels, _orientation(image))
    return with_channels(pixels, channels or 3)


def kind_of(data: bytes) -> str:
    """The format of a file by its first bytes. Raises `Broken` for none of those that are read."""
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            return kind
    if is_dicom(data):
        return "DICOM"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise Broken("is no picture: it begins like none of the formats that are read" if data else "is empty")


def _open(data: bytes, kind: str) -> Any:
    from PIL import Image

    with failing_in_words():
        image = Image.open(io.BytesIO(data), formats=(kind,))
    check_area(image.height, image.width)
    # Of a part above the cut the decoder would notice nothing. Pillow stops reading where the pixels begin.
    if kind == "JPEG" and data.find(_END_OF_JPEG, image.fp.tell()) < 0:
        raise Broken(CUT)
    return image


def _png_depth(data: bytes) -> int:
    return data[24] if data.startswith(b"\x89PNG") else 0


def _is_deep(image: Any, data: bytes) -> bool:
    return image.mode.startswith(("I", "F")) or _png_depth(data) == 16


def _deep_png(data: bytes) -> np.ndarray:
    # Pillow reads colour PNGs of 16 bits as 8.
    pixels = as_pixels(tf.io.decode_png(data, channels=0, dtype=tf.uint16).numpy())
    if pixels.shape[-1] in (1, 3):
        return pixels
    colour, alpha = pixels[..., :-1], pixels[..., -1:]
    return colour * alpha + (1.0 - alpha)


def _pillow_pixels(image: Any, channels: int | None) -> np.ndarray:
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return as_pixels(np.asarray(image)[..., None])
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    mode = "L" if channels == 1 else "RGB"
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[..., None] if channels == 1 else pixels


def _orientation(image: Any) -> int:
    try:
        orientation = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # Damaged notes about a picture don't make the picture a damaged one.
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as EXIF wants it shown: mirrored for 2, 4, 5 and 7, on its side for 5 to 8."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
