"""Pictures, as arrays and as files, that several tests share."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

CROP = ((0.2, 1.0), (3 / 4, 4 / 3))


def encoded(pixels, kind="PNG", **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def smooth(height, width, number=0):
    """A picture without hard edges, so that two ways to resize it agree."""
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    planes = [np.sin(3 * rows + number), np.cos(4 * columns - number), np.sin(2 * (rows + columns))]
    return ((np.stack(planes, -1) + 1) * 127).astype("uint8")


def fill(folder, count, sizes=((40, 60), (50, 44)), kind="PNG", broken=()):
    """Pictures named 000.png on, those in `broken` without a picture inside."""
    for number in range(count):
        height, width = sizes[number % len(sizes)]
        content = b"no picture" if number in broken else encoded(smooth(height, width, number), kind)
        (folder / f"{number:03}.{kind.lower()}").write_bytes(content)
    return str(folder)


def numbered(count, size=4):
    """Pictures whose every pixel is their number."""
    return np.broadcast_to(np.arange(count, dtype="uint8")[:, None, None, None], (count, size, size, 3)).copy()


def take(dataset, count):
    return [tf.nest.map_structure(np.asarray, batch) for batch in dataset.take(count)]


def assert_same_batches(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


PNG = encoded(smooth(8, 8))


def make(folder, *paths, content=PNG):
    """Files below a folder, all of one content."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return str(folder)
