"""Encoded pictures inside of an export: the same pixels as everywhere, and errors that name what is wrong."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from picture_files import encoded, smooth
from PIL import Image

from byol_keras.data.decoding import decode
from byol_keras.data.resizing import whole
from byol_keras.export.pictures import pixels_of

COLOUR = smooth(70, 91)
CLEAR = np.concatenate([smooth(64, 80), smooth(64, 80, 3)[..., :1]], -1)


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


FILES = {
    "jpeg": encoded(COLOUR, "JPEG"),
    "noise": encoded(np.random.default_rng(0).integers(0, 256, (90, 60, 3), "uint8"), "JPEG"),
    "grey jpeg": encoded(COLOUR[..., 0], "JPEG"),
    "printers' inks": saved(Image.fromarray(COLOUR).convert("CMYK"), "JPEG"),
    "progressive": encoded(COLOUR, "JPEG", progressive=True),
    "png": encoded(smooth(200, 50)),
    "grey png": encoded(COLOUR[..., 0]),
    "clear": encoded(CLEAR),
    "grey and clear": saved(Image.fromarray(CLEAR).convert("LA"), "PNG"),
    "palette of 16": saved(Image.fromarray(COLOUR).quantize(16), "PNG"),
    "black and white": saved(Image.fromarray(COLOUR).convert("1"), "PNG"),
}


@pytest.fixture(scope="module", params=[((32, 32), 3), ((32, 48), 1)], ids=str)
def read(request):
    size, channels = request.param
    return tf.function(pixels_of(size, channels)), size, channels


@pytest.mark.parametrize("name", FILES)
def test_pixels__are_those_of_evaluation_and_training(read, name):
    """Up to one level: Pillow resizes in whole numbers."""
    function, size, channels = read
    (found,) = function(tf.constant([FILES[name]])).numpy()
    wanted = whole(decode(FILES[name], channels), size)
    assert found.shape == (*size, channels)
    np.testing.assert_allclose(255 * found, wanted, atol=1.001)
    assert np.mean(np.abs(255 * found - wanted) > 0.5) < 0.3


def test_pictures_at_size__are_not_touched(read):
    function, size, channels = read
    pixels = smooth(*size)[..., :channels]
    (found,) = function(tf.constant([tf.io.encode_png(pixels).numpy()])).numpy()
    np.testing.assert_allclose(255 * found, pixels, atol=1e-3)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_that_claims(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg_that_claims(width, height):
    data = bytearray(FILES["jpeg"])
    start = data.find(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(data)


BAD = {
    "junk": (b"this is no picture, however long it goes on and on", "must be a JPEG or a PNG"),
    "nothing": (b"", "must be a JPEG or a PNG"),
    "a gif": (saved(Image.fromarray(COLOUR), "GIF"), "must be a JPEG or a PNG"),
    "the start of a PNG": (b"\x89PNG", "must be a JPEG or a PNG"),
    "the start of a JPEG": (b"\xff\xd8\xff\xe0", "must be a JPEG or a PNG"),
    "five megabytes": (os.urandom(5_000_000), "must be a JPEG or a PNG"),
    "a JPEG cut in its header": (FILES["jpeg"][:300], "Invalid JPEG data"),
    "a JPEG cut in its pixels": (FILES["jpeg"][: len(FILES["jpeg"]) * 2 // 3], "Invalid JPEG data"),
    "a cut PNG": (FILES["png"][:300], "Invalid PNG data"),
    "a PNG bomb": (png_that_claims(100_000, 100_000), "67108864 pixels at most"),
    "a PNG of negative sides": (png_that_claims(2**32 - 1, 2**32 - 1), "67108864 pixels at most"),
    "a PNG of no pixels": (png_that_claims(0, 5), "67108864 pixels at most"),
    "a JPEG bomb": (jpeg_that_claims(65_000, 65_000), "67108864 pixels at most"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_strings__fail_their_batch_and_nothing_else(read, name):
    function, size, channels = read
    content, message = BAD[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        function(tf.constant([FILES["png"], content]))
    assert function(tf.constant([FILES["png"]])).shape == (1, *size, channels)


def test_empty_batch__gives_an_empty_batch(read):
    function, size, channels = read
    assert function(tf.constant([], tf.string)).shape == (0, *size, channels)
