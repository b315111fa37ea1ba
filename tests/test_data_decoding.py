"""Formats, orientation, and what makes a file a broken one."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from picture_files import encoded, smooth
from PIL import Image, ImageOps

from byol_keras.data import Broken
from byol_keras.data.decoding import decode, read_header, upright
from byol_keras.data.pixels import as_pixels

RGB = smooth(12, 20)
GREY = RGB[..., 0]


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG"])
def test_decode__every_format(kind):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98, "subsampling": 0}}.get(kind, {})
    pixels = decode(encoded(RGB, kind, **options))
    assert (pixels.dtype, pixels.shape) == ("uint8", (12, 20, 3))
    tolerance = {"GIF": 60, "JPEG": 8}.get(kind, 0)
    assert np.abs(pixels.astype(int) - RGB).max() <= tolerance
    header = read_header(encoded(RGB, kind, **options))
    assert (header.height, header.width, header.channels, header.deep) == (12, 20, None, False)


def test_decode__jpegs_as_the_crops_are():
    data = encoded(RGB, "JPEG")
    whole = tf.io.decode_and_crop_jpeg(data, [0, 0, 12, 20], 3, dct_method="INTEGER_ACCURATE")
    np.testing.assert_array_equal(decode(data), whole)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_decode__grey_and_palette_become_rgb(mode):
    image = Image.fromarray(RGB).convert(mode)
    np.testing.assert_array_equal(decode(saved(image, "PNG")), np.asarray(image.convert("RGB")))
    assert decode(saved(image, "PNG"), channels=1).shape == (12, 20, 1)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_decode__pngs_of_few_bits(bits):
    levels = 2**bits
    image = Image.fromarray((np.arange(240).reshape(12, 20) % levels).astype("uint8"), "L").convert("P")
    image.putpalette([round(level * 255 / (levels - 1)) for level in range(levels) for _ in range(3)])
    data = saved(image, "PNG", bits=bits)
    assert data[24] == bits
    np.testing.assert_array_equal(decode(data)[..., 1], np.asarray(image.convert("L")))


def test_decode__inks_become_rgb():
    pixels = decode(saved(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=98))
    assert np.abs(pixels.astype(int) - RGB).mean() < 4
    assert not read_header(saved(Image.fromarray(RGB).convert("CMYK"), "JPEG")).croppable


def test_decode__transparent_pixels_show_white():
    alpha = np.full((12, 20, 1), 255, "uint8")
    alpha[:6], alpha[6] = 0, 51
    pixels = decode(encoded(np.concatenate([RGB, alpha], -1)))
    np.testing.assert_array_equal(pixels[:6], 255)
    np.testing.assert_allclose(pixels[6], 0.2 * RGB[6] + 0.8 * 255, atol=1)
    np.testing.assert_array_equal(pixels[7:], RGB[7:])


def test_decode__a_transparent_palette_entry_shows_white():
    image = Image.fromarray(np.zeros((4, 4), "uint8"), "P")
    image.putpalette([200, 0, 0] * 256)
    assert (decode(saved(image, "PNG", transparency=0)) == 255).all()


def test_decode__deep_pngs_keep_their_bits():
    deep = np.random.default_rng(0).integers(0, 65536, (6, 5, 4), "uint16")
    for channels in (1, 3):
        data = tf.io.encode_png(deep[..., :channels]).numpy()
        expected = np.broadcast_to(deep[..., :channels] / 65535, (6, 5, 3))
        np.testing.assert_allclose(decode(data), expected, atol=1e-6)
        assert read_header(data).deep
    see_through = deep[..., 3:] / 65535
    expected = deep[..., :3] / 65535 * see_through + 1 - see_through
    np.testing.assert_allclose(decode(tf.io.encode_png(deep).numpy()), expected, atol=1e-6)


def test_decode__deep_tiffs_keep_their_bits():
    deep = np.random.default_rng(0).integers(0, 65536, (6, 5), "uint16")
    data = encoded(deep, "TIFF")
    np.testing.assert_allclose(decode(data, channels=1)[..., 0], deep / 65535, atol=1e-6)
    assert read_header(data).deep
    shares = (deep / 65535).astype("float32")
    np.testing.assert_allclose(decode(encoded(shares, "TIFF"), channels=1)[..., 0], shares, atol=1e-6)


def test_decode__deep_tiffs_of_the_other_byte_order():
    deep = np.random.default_rng(0).integers(0, 65536, (6, 5), "uint16")
    data = encoded(deep.astype(">u2"), "TIFF")
    assert data.startswith(b"MM")
    np.testing.assert_allclose(decode(data, channels=1)[..., 0], deep / 65535, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation__is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF", "JPEG"):
        data = saved(Image.fromarray(RGB), kind, exif=exif)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        np.testing.assert_array_equal(decode(data), expected)
        header = read_header(data)
        assert (header.height, header.width) == expected.shape[:2]


def test_orientation__of_a_damaged_note_is_ignored():
    data = saved(Image.fromarray(RGB), "PNG", exif=b"Exif\0\0nonsense")
    np.testing.assert_array_equal(decode(data), RGB)
    np.testing.assert_array_equal(upright(RGB, 1), RGB)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3), (4, 6, 7)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float32", "float64", "float16"])
def test_decode__npy_with_any_number_of_channels(shape, dtype):
    ones = np.ones(shape) if "f" in dtype else np.full(shape, np.iinfo(dtype).max)
    pixels = decode(npy(np.asfortranarray(ones.astype(dtype))))
    assert pixels.shape == (*shape, 1)[:3]
    assert pixels.dtype == ("uint8" if dtype == "uint8" else "float32")
    assert (pixels == (255 if dtype == "uint8" else 1)).all()
    assert read_header(npy(ones.astype(dtype))).deep == (dtype != "uint8")


def bomb_png(side=100_000):
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def bomb_jpeg():
    data = bytearray(encoded(smooth(8, 8), "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def bomb_npy():
    head = "{'descr': '|u1', 'fortran_order': False, 'shape': (100000, 100000, 3), }".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()


@pytest.mark.parametrize("make", [bomb_png, bomb_jpeg, bomb_npy])
def test_bombs__are_refused_by_their_header(make):
    for read in (read_header, decode):
        with pytest.raises(Broken, match="more"):
            read(make())


JPEG = encoded(smooth(64, 64), "JPEG")
PNG = encoded(np.random.default_rng(0).integers(0, 256, (16, 16, 3), "uint8"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"just a text", "is no picture"),
        (JPEG[: len(JPEG) // 2], "cut off"),
        (PNG[: len(PNG) // 2], "cut off"),
        (PNG[:20], "damaged|cut off"),
        (b"\xff\xd8\xff" + b"nonsense" * 9, "damaged"),
        (npy(np.zeros((4, 4)))[:-1], "cut off"),
        (npy(np.zeros((4, 4, 0))), r"has no pixels: its shape is \(4, 4, 0\)"),
        (npy(np.zeros(4)), r"of shape \(4,\)"),
        (npy(np.full((4, 4), np.nan)), "not finite"),
        (npy(np.full((4, 4), 200.0)), r"outside \[0, 1\]"),
        (npy(np.zeros((4, 4), "int32")), "type int32"),
        (npy(np.zeros((0, 4), "uint8")), "no pixels"),
        (b"\x93NUMPY\x01\x00" + b"\x10\x00" + b"open('x').read()", "header"),
    ],
)
def test_broken__says_why_in_words(data, reason):
    with pytest.raises(Broken, match=reason):
        decode(data)


def test_broken__never_unpickles():
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(Broken, match=r"object|shape"):
        decode(stream.getvalue())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_broken__is_all_that_damage_can_do(kind):
    generator = np.random.default_rng(0)
    data = bytearray(encoded(smooth(24, 24), kind))
    for _ in range(60):
        damaged = bytearray(data)
        for place in generator.integers(0, len(data), 6):
            damaged[place] = generator.integers(0, 256)
        with contextlib.suppress(Broken):
            assert decode(bytes(damaged)).ndim == 3


@pytest.mark.parametrize("order", "<>")
def test_as_pixels__scales_sixteen_bits(order):
    np.testing.assert_allclose(as_pixels(np.array([0, 257, 65535], f"{order}u2")), [0, 1 / 255, 1], atol=1e-7)
