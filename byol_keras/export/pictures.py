"""From the bytes of pictures to pixels, inside of an exported model."""

from collections.abc import Callable

import tensorflow as tf

__all__ = ["LARGEST", "pixels_of"]

# Of 64 megapixels a photograph takes a quarter of a gigabyte while it is read, a transparent or grey picture up to 0.8;
# more is asked for by attackers only.
LARGEST = 2**26
"""How many pixels a picture may claim to have."""

# ITU-R 601-2, as in Pillow's conversion to grey.
_LUMA = (0.299, 0.587, 0.114)
_SHORTEST = 33  # bytes: the header of a PNG


def pixels_of(size: tuple[int, int], channels: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from a batch of encoded pictures, strings, to float pixels in [0, 1] of one size.

    It does what the library's own decoder does for `evaluate` and `embed`: the largest central part of the aspect ratio
    is resized with antialiasing, transparent pixels become white. Unlike there EXIF orientation has no effect, only
    JPEG and PNG are understood, and of no more than `LARGEST` pixels. One string that is no picture fails the batch.

    Args:
        size: height and width of the result.
        channels: 1 for grey, 3 for colour.
    """

    def decode(data: tf.Tensor) -> tf.Tensor:
        pixels = _opaque(_cut(_decoded(data), size))
        fitted = tf.image.resize(pixels if channels == 3 else _grey(pixels), size, antialias=True)
        # Rounded like the pictures that training and evaluation read, which are uint8.
        return tf.ensure_shape(tf.clip_by_value(tf.round(fitted), 0.0, 255.0) / 255.0, (*size, channels))

    def decode_all(image_bytes: tf.Tensor) -> tf.Tensor:
        pixels = tf.TensorSpec((*size, channels), tf.float32)
        return tf.map_fn(decode, image_bytes, fn_output_signature=pixels)

    return decode_all


def _decoded(data: tf.Tensor) -> tf.Tensor:
    """One picture as uint8, with as many channels as it has."""
    is_png = tf.strings.substr(data, 0, 4) == b"\x89PNG"
    is_jpeg = tf.strings.substr(data, 0, 3) == b"\xff\xd8\xff"
    sound = tf.logical_and(tf.logical_or(is_png, is_jpeg), tf.strings.length(data) >= _SHORTEST)
    with tf.control_dependencies([_require(sound, "every string must be a JPEG or a PNG")]):
        data = tf.identity(data)
    sides = tf.cond(is_png, lambda: _png_sides(data), lambda: tf.image.extract_jpeg_shape(data)[:2])
    fits = tf.logical_and(tf.reduce_all(sides > 0), tf.reduce_prod(tf.cast(sides, tf.int64)) <= LARGEST)
    with tf.control_dependencies([_require(fits, f"a picture may have {LARGEST} pixels at most")]):
        data = tf.identity(data)
    return tf.cond(is_png, lambda: _png(data), lambda: _jpeg(data))


def _require(condition: tf.Tensor, rule: str) -> tf.Operation:
    return tf.debugging.Assert(condition, [f"`image_bytes`: {rule}"])


def _png_sides(data: tf.Tensor) -> tf.Tensor:
    """Height and width from the header; negative where it claims 2**31 and more."""
    return tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, little_endian=False)[::-1]


def _png(data: tf.Tensor) -> tf.Tensor:
    # As many channels as there are: where TensorFlow adds alpha to fewer than 8 bits, it adds almost transparent one.
    return tf.io.decode_png(data, channels=0)


def _jpeg(data: tf.Tensor) -> tf.Tensor:
    # The exact transform, which Pillow uses too; TensorFlow's default is a faster one.
    return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")


def _cut(pixels: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """The largest central part of the aspect ratio of `size`."""
    sides = tf.shape(pixels)[:2]
    ratio = tf.cast(tf.constant(size), tf.float64) / tf.cast(tf.constant(size[::-1]), tf.float64)
    wanted = tf.cast(tf.round(tf.cast(sides[::-1], tf.float64) * ratio), tf.int32)
    part = tf.minimum(sides, tf.maximum(1, wanted))
    top, left = tf.unstack((sides - part) // 2)
    return pixels[top : top + part[0], left : left + part[1]]


def _opaque(pixels: tf.Tensor) -> tf.Tensor:
    """Three colours on white, uint8 as before."""
    has_alpha = tf.shape(pixels)[-1] % 2 == 0
    # Row by row: as floats a large picture would take many times its memory.
    opaque = tf.cond(has_alpha, lambda: tf.map_fn(_on_white, pixels), lambda: pixels)
    return tf.cond(tf.shape(opaque)[-1] == 3, lambda: opaque, lambda: tf.tile(opaque, [1, 1, 3]))


def _on_white(row: tf.Tensor) -> tf.Tensor:
    colour, alpha = tf.cast(row[:, :-1], tf.float32), tf.cast(row[:, -1:], tf.float32) / 255.0
    return tf.cast(tf.round(colour * alpha + 255.0 * (1.0 - alpha)), tf.uint8)


def _grey(pixels: tf.Tensor) -> tf.Tensor:
    return tf.round(tf.tensordot(tf.cast(pixels, tf.float32), tf.constant(_LUMA)[:, None], 1))
