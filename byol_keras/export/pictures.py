"""From the bytes of pictures to pixels, inside of an exported model."""

from collections.abc import Callable

import tensorflow as tf

__all__ = ["LARGEST", "pixels_of"]

# A photograph of 64 megapixels takes a quarter of a gigabyte while it is decoded; more is asked for by attackers only.
LARGEST = 2**26
"""How many pixels a picture may claim to have."""

# ITU-R 601-2, as in Pillow's conversion to grey.
_LUMA = (0.299, 0.587, 0.114)
_SHORTEST = 33  # bytes: the header of a PNG


def pixels_of(size: tuple[int, int], channels: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from a batch of encoded pictures, strings, to float pixels in [0, 1] of one size.

    It does what the library's own decoder does for `evaluate` and `embed`: the largest central part of the aspect ratio
    is resized with antialiasing, transparent pixels become white. Unlike there EXIF orientation has no effect and only
    JPEG and PNG are understood. One string that is no picture fails the batch.

    Args:
        size: height and width of the result.
        channels: 1 for grey, 3 for colour.
    """

    def decode(data: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(_fitted(_decoded(data, channels), size), (*size, channels))

    def decode_all(image_bytes: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(decode, image_bytes, fn_output_signature=tf.TensorSpec((*size, channels), tf.float32))

    return decode_all


def _decoded(data: tf.Tensor, channels: int) -> tf.Tensor:
    """One picture as floats from 0 to 255."""
    is_png = tf.strings.substr(data, 0, 4) == b"\x89PNG"
    is_jpeg = tf.strings.substr(data, 0, 3) == b"\xff\xd8\xff"
    sound = tf.logical_and(tf.logical_or(is_png, is_jpeg), tf.strings.length(data) >= _SHORTEST)
    with tf.control_dependencies([_require(sound, "every string must be a JPEG or a PNG")]):
        data = tf.identity(data)
    sides = tf.cond(is_png, lambda: _png_sides(data), lambda: tf.image.extract_jpeg_shape(data)[:2])
    fits = tf.logical_and(tf.reduce_all(sides > 0), tf.reduce_prod(tf.cast(sides, tf.int64)) <= LARGEST)
    with tf.control_dependencies([_require(fits, f"a picture may have {LARGEST} pixels at most")]):
        data = tf.identity(data)
    pixels = tf.cond(is_png, lambda: _png(data), lambda: _jpeg(data))
    return pixels if channels == 3 else _grey(pixels)


def _require(condition: tf.Tensor, rule: str) -> tf.Operation:
    return tf.debugging.Assert(condition, [f"`image_bytes`: {rule}"])


def _png_sides(data: tf.Tensor) -> tf.Tensor:
    """Height and width from the header; negative where it claims 2**31 and more."""
    return tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, little_endian=False)[::-1]


def _png(data: tf.Tensor) -> tf.Tensor:
    # As many channels as there are: where TensorFlow adds alpha to fewer than 8 bits, it adds almost transparent one.
    pixels = tf.cast(tf.io.decode_png(data, channels=0), tf.float32)
    has_alpha = tf.shape(pixels)[-1] % 2 == 0
    colour = pixels[..., : tf.shape(pixels)[-1] - tf.cast(has_alpha, tf.int32)] * tf.ones([3])
    alpha = tf.where(has_alpha, pixels[..., -1:] / 255.0, 1.0)
    return tf.round(colour * alpha + 255.0 * (1.0 - alpha))


def _jpeg(data: tf.Tensor) -> tf.Tensor:
    # The exact transform, which Pillow uses too; TensorFlow's default is a faster one.
    return tf.cast(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"), tf.float32)


def _grey(pixels: tf.Tensor) -> tf.Tensor:
    return tf.round(tf.tensordot(pixels, tf.constant(_LUMA)[:, None], 1))


def _fitted(pixels: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """The largest central part of the aspect ratio of `size`, resized, in [0, 1]."""
    sides = tf.shape(pixels)[:2]
    ratio = tf.cast(tf.constant(size), tf.float64) / tf.cast(tf.constant(size[::-1]), tf.float64)
    wanted = tf.cast(tf.round(tf.cast(sides[::-1], tf.float64) * ratio), tf.int32)
    part = tf.minimum(sides, tf.maximum(1, wanted))
    top, left = tf.unstack((sides - part) // 2)
    cut = pixels[top : top + part[0], left : left + part[1]]
    # Rounded like the pictures that training and evaluation read, which are uint8.
    return tf.clip_by_value(tf.round(tf.image.resize(cut, size, antialias=True)), 0.0, 255.0) / 255.0
