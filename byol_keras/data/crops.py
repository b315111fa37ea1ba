"""The random crops of BYOL drawn and made on the host, for pictures too big to be sent whole."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from .decoding import decode, kind_of, read_header
from .pixels import with_channels
from .resizing import Box, resample
from .source import failing_in_words

__all__ = ["DRAWS", "Crop", "check_crop", "crops_of", "random_box"]

# torchvision and DeepMind's BYOL both try ten times to fit a box of random area and aspect ratio.
_ATTEMPTS = 10

DRAWS = 2 * _ATTEMPTS + 2
"""How many uniform numbers a box takes."""


Crop = tuple[tuple[float, float], tuple[float, float]]
"""The ranges (least, largest) of a crop's share of the picture's area and of its width / height."""


def check_crop(crop: Crop) -> None:
    """Refuses ranges that no box can be drawn from."""
    try:
        (least, most), (narrow, wide) = crop
        fits = 0 < least <= most <= 1 and 0 < narrow <= wide
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            "`crop` must be (area, ratio), each (low, high) with 0 < low <= high, and no area above 1. "
            f"Received: crop={crop}"
        )


def random_box(
    numbers: Sequence[float], height: int, width: int, area: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Top, left, height and width of a random share of a picture: what `ImageViews` does on the device.

    The first of ten attempts that fits is taken; where none does, the largest box in the centre whose aspect ratio is
    allowed.

    Args:
        numbers: `DRAWS` uniform numbers: ten for areas, ten for ratios, two for the corner.
        height: of the picture.
        width: of the picture.
        area: least and largest share of the picture's area.
        ratio: least and largest width / height; uniform in its logarithm.

    Example:
    >>> random_box([0.5] * DRAWS, 100, 200, area=(0.5, 0.5), ratio=(2.0, 2.0))
    (15, 30, 71, 141)
    """
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for attempt in range(_ATTEMPTS):
        share = height * width * (area[0] + (area[1] - area[0]) * numbers[attempt])
        aspect = math.exp(low + (high - low) * numbers[_ATTEMPTS + attempt])
        tall, wide = round(math.sqrt(share / aspect)), round(math.sqrt(share * aspect))
        if 0 < tall <= height and 0 < wide <= width:
            down, across = numbers[-2:]
            return int(down * (height - tall + 1)), int(across * (width - wide + 1)), tall, wide
    tall, wide = min(max(round(width / ratio[0]), 1), height), min(max(round(height * ratio[1]), 1), width)
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def crops_of(
    picture: bytes | np.ndarray,
    numbers: Sequence[Sequence[float]],
    size: tuple[int, int],
    crop: Crop,
    channels: int | None,
) -> list[np.ndarray]:
    """One crop for each list of `numbers`, resized to `size`. Of JPEGs only what the crops need is decoded.

    Args:
        picture: encoded, or pixels.
        numbers: for each crop what `random_box` takes.
        size: height and width of the crops.
        crop: the `area` and `ratio` of `random_box`.
        channels: 1, 3 or None, see `decode`.
    """
    header = read_header(picture) if isinstance(picture, bytes) and kind_of(picture) == "JPEG" else None
    if header is not None and header.croppable and not header.turned:
        boxes = [random_box(draw, header.height, header.width, *crop) for draw in numbers]
        pixels, boxes = _window(picture, boxes, size, channels or 3)
    else:
        pixels = decode(picture, channels) if isinstance(picture, bytes) else with_channels(picture, channels)
        boxes = [random_box(draw, *pixels.shape[:2], *crop) for draw in numbers]
    return [resample(pixels, box, size) for box in boxes]


def _window(
    data: bytes, boxes: Sequence[Box], size: tuple[int, int], channels: int
) -> tuple[np.ndarray, Sequence[Box]]:
    """The part of a JPEG that holds all boxes, and the boxes within that part.

    Where all boxes are at least 2, 4 or 8 times larger than `size`, so much smaller a picture is decoded.
    """
    shrunk = min(min(box[2] / size[0], box[3] / size[1]) for box in boxes)
    ratio = next((ratio for ratio in (8, 4, 2) if ratio <= shrunk), 1)
    top, left = (min(int(box[axis] / ratio) for box in boxes) for axis in (0, 1))
    bottom, right = (max(math.ceil((box[axis] + box[axis + 2]) / ratio) for box in boxes) for axis in (0, 1))
    window = [top, left, bottom - top, right - left]
    with failing_in_words():
        # The accurate transform is Pillow's, so that a picture is the same however it is decoded.
        pixels = tf.io.decode_and_crop_jpeg(data, window, channels, ratio, dct_method="INTEGER_ACCURATE").numpy()
    return pixels, [(box[0] / ratio - top, box[1] / ratio - left, box[2] / ratio, box[3] / ratio) for box in boxes]
