"""Random crops that are drawn and made on the host."""

import numpy as np
import pytest
from picture_files import CROP, assert_same_batches, encoded, fill, numbered, smooth, take
from PIL import Image

from byol_keras.data import Pictures, open_source
from byol_keras.data.crops import DRAWS, _window, crops_of, random_box
from byol_keras.data.order import draws
from byol_keras.data.resizing import resample
from byol_keras.views.geometry import random_boxes


def test_training__damage_that_only_some_crops_meet_changes_no_later_batch(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(8):
        data = bytearray(encoded(generator.integers(0, 256, (200, 200, 3), "uint8"), "JPEG"))
        if number % 2:
            # A marker that stops the decoder half way.
            data[len(data) // 2 : len(data) // 2 + 2] = b"\xff\xc0"
        (tmp_path / f"{number}.jpg").write_bytes(data)
    options = {"size": 16, "crop": ((0.05, 0.2), (1.0, 1.0)), "max_bad_fraction": 1.0}
    first = Pictures(open_source(str(tmp_path)), **options)
    straight = take(first.training(8), 12)
    assert 0 < first.skipped.bad <= 4
    for start in (4, 11):
        late = Pictures(open_source(str(tmp_path)), **options)
        assert_same_batches(take(late.training(8, start), 1), straight[start : start + 1])


def test_training__a_jpeg_that_is_cut_off_is_skipped_whatever_the_crop(tmp_path):
    fill(tmp_path, 4, kind="JPEG")
    for path in tmp_path.iterdir():
        path.rename(path.with_suffix(".jpg"))
    data = (tmp_path / "001.jpg").read_bytes()
    (tmp_path / "001.jpg").write_bytes(data[:-2])
    pictures = Pictures(open_source(str(tmp_path)), size=8, crop=((0.01, 0.02), (1.0, 1.0)), max_bad_fraction=1.0)
    take(pictures.training(4), 1)
    assert pictures.skipped.reasons == {"001.jpg": "is cut off or damaged"}


def test_training__crops_on_the_host_are_those_of_the_paper(tmp_path):
    pictures = Pictures(open_source(fill(tmp_path, 4)), size=16, crop=CROP, seed=5)
    assert pictures.host_crops
    (batch,) = take(pictures.training(4), 1)
    order = pictures._order.epoch(0)
    for view in (0, 1):
        for position in range(4):
            number = int(order[position])
            pixels = smooth(*((40, 60), (50, 44))[number % 2], number)
            box = random_box(draws(5, 0, position, view, DRAWS), *pixels.shape[:2], *CROP)
            np.testing.assert_array_equal(batch[f"view_{view + 1}"][position], resample(pixels, box, (16, 16)))


def test_draws__differ_between_epochs_positions_and_views():
    places = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    numbers = np.array([draws(7, *place, 1000) for place in places])
    assert 0 <= numbers.min() < 0.01 < 0.99 < numbers.max() < 1
    np.testing.assert_allclose(np.corrcoef(numbers), np.eye(4), atol=0.12)


@pytest.mark.parametrize("crop", [(0.2, 1.0), ((0.0, 1.0), (1, 1)), ((0.5, 1.1), (1, 1)), ((0.5, 1.0), (2, 1)), 3])
def test_crop__is_checked(crop):
    with pytest.raises(ValueError, match="`crop` must be"):
        Pictures(open_source(numbered(4)), size=4, crop=crop)


def test_random_box__equals_the_device():
    numbers = np.random.default_rng(0).random((200, DRAWS))
    for height, width, crop in [(375, 500, ((0.08, 1.0), (3 / 4, 4 / 3))), (20, 300, CROP)]:
        ours = [random_box(list(row), height, width, *crop) for row in numbers]
        device = random_boxes((numbers[:, :10], numbers[:, 10:20], numbers[:, 20:]), height, width, *crop)
        np.testing.assert_array_equal(ours, device)


@pytest.mark.parametrize("orientation", [1, 6])
def test_crops__of_a_jpeg_equal_those_of_the_decoded_picture(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(smooth(375, 500), "JPEG", quality=98, subsampling=0, exif=exif)
    pixels = np.rot90(smooth(375, 500), -1) if orientation == 6 else smooth(375, 500)
    # Large crops are decoded smaller; of small ones only the part around them.
    for area in ((0.9, 1.0), (0.01, 0.02)):
        numbers = [draws(0, 0, position, 0, DRAWS) for position in range(2)]
        found = crops_of(data, numbers, (40, 40), (area, CROP[1]), None)
        for crop, draw in zip(found, numbers, strict=True):
            expected = resample(pixels, random_box(draw, *pixels.shape[:2], area, CROP[1]), (40, 40))
            assert np.abs(crop.astype(int) - expected).max() <= 6
            assert np.abs(crop.astype(int) - expected).mean() < 1.0


def test_window__of_a_jpeg_is_decoded_smaller_only_as_far_as_every_crop_allows():
    data = encoded(smooth(320, 400), "JPEG")
    for boxes, shape in [
        ([(0, 0, 320, 400), (0, 0, 160, 160)], (80, 100)),
        ([(0, 0, 320, 400), (0, 0, 159, 160)], (160, 200)),
        ([(100, 50, 40, 60), (120, 80, 60, 60)], (80, 90)),
    ]:
        pixels, inner = _window(data, boxes, (40, 40), 3)
        assert pixels.shape == (*shape, 3)
        for top, left, high, wide in inner:
            assert min(top, left) >= 0
            assert min(high, wide) >= 39.75
            assert top + high <= shape[0]
            assert left + wide <= shape[1]
