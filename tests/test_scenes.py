"""Made-up pictures and videos agree with the truth that comes with them."""

import numpy as np
import pytest

import byol_keras as bk
from byol_keras.evaluation import knn_accuracy, raw_pixels, same_or_different


@pytest.fixture(scope="module")
def scenes():
    return bk.data.shape_scenes(200, seed=1, most=4)


@pytest.fixture(scope="module")
def moving():
    return bk.data.moving_shapes(1200, frames=6, seed=2)


@pytest.mark.parametrize("draw", [bk.data.shape_scenes, bk.data.shape_identities, bk.data.moving_shapes])
def test_truth__is_a_function_of_the_seed(draw):
    first, again, other = (draw(20, seed=seed) for seed in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not any(np.array_equal(one, two) for one, two in zip(first[0], other[0], strict=True))


def test_scenes__have_boxes_as_tight_as_their_masks(scenes):
    for boxes, classes, mask in zip(scenes.boxes, scenes.classes, scenes.masks, strict=True):
        left_over = mask.copy()
        for (left, top, right, bottom), kind in zip(boxes.astype(int), classes, strict=True):
            if kind < 0:
                assert (left, top, right, bottom) == (-1, -1, -1, -1)
                continue
            # No other shape is in the box, and this one reaches every side of it.
            inside = mask[top:bottom, left:right]
            assert set(np.unique(inside)) <= {0, 1 + kind}
            assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
            left_over[top:bottom, left:right] = 0
        assert not left_over.any()


def test_scenes__hold_up_to_the_number_of_shapes_asked_for_of_every_kind(scenes):
    counts = (scenes.classes >= 0).sum(axis=1)
    assert set(counts) == {1, 2, 3, 4}
    assert set(scenes.classes[scenes.classes >= 0]) == set(range(len(scenes.names)))
    assert (scenes.images.dtype, scenes.boxes.dtype, scenes.masks.dtype) == (np.uint8, np.float32, np.uint8)


def test_scenes__show_shapes_apart_from_the_background(scenes):
    light = scenes.images.mean(axis=-1)
    for picture, mask in zip(light, scenes.masks, strict=True):
        assert abs(picture[mask > 0].mean() - picture[mask == 0].mean()) > 30


def test_scenes__of_other_sizes_scale(scenes):
    small, large = (bk.data.shape_scenes(50, size=size) for size in (16, 100))
    for drawn, size in ((small, 16), (large, 100)):
        assert drawn.images.shape == (50, size, size, 3)
        assert (drawn.classes[:, 0] >= 0).all()
        width = (drawn.boxes[..., 2] - drawn.boxes[..., 0])[drawn.classes >= 0].mean() / size
        assert 0.15 < width < 0.25


def test_identities__are_told_by_form_not_by_pixels():
    images, things = bk.data.shape_identities(100, pictures=4, seed=1)
    assert things.tolist() == np.repeat(np.arange(100), 4).tolist()
    assert same_or_different(raw_pixels(images), things, pairs=4000).area < 0.6
    assert not any(np.array_equal(*pair) for pair in images.reshape(200, 2, 32, 32, 3))


def test_moving__no_single_frame_tells_the_motion(moving):
    videos, labels, names = moving
    assert (videos.shape, videos.dtype, len(names)) == ((1200, 6, 32, 32, 3), np.uint8, 8)
    for frame in (0, 5):
        pixels = np.abs(raw_pixels(videos[:, frame]))
        accuracy = knn_accuracy(pixels[:1000], labels[:1000], pixels[1000:], labels[1000:], k=20)
        # Chance is an eighth, give or take a fortieth.
        assert accuracy < 0.21


def test_moving__goes_where_its_name_says(moving):
    videos, labels, names = moving
    for name, axis, sign in (("left", 1, -1), ("right", 1, 1), ("up", 0, -1), ("down", 0, 1)):
        chosen = videos[labels == names.index(name)]
        shifts = np.array([shift_between(first, last) for first, last in zip(chosen[:, 1], chosen[:, 4], strict=True)])
        # Three frames of 1 to 2 pixels; a few shapes are lost in noise.
        assert np.median(sign * shifts[:, axis]) == pytest.approx(4.5, abs=1)
        assert np.median(np.abs(shifts[:, 1 - axis])) <= 1


def shift_between(first, last):
    """By how many pixels the picture has moved (down, right), all around, as circular correlation tells."""
    planes = []
    for frame in (first, last):
        light = frame.mean(axis=-1) - np.median(frame.mean(axis=-1))
        planes.append(np.fft.fft2(np.where(np.abs(light) > 60, light, 0)))
    peak = np.fft.ifft2(np.conj(planes[0]) * planes[1]).real.argmax()
    return [(place + 16) % 32 - 16 for place in np.unravel_index(peak, (32, 32))]


def test_moving__grows_and_shrinks(moving):
    videos, labels, names = moving
    light = videos.mean(axis=-1)
    size = (np.abs(light - np.median(light, axis=(2, 3), keepdims=True)) > 60).sum(axis=(2, 3))
    for name, least, largest in (("grow", 0.03, 0.5), ("shrink", -0.5, -0.03), ("left", -0.03, 0.03)):
        own = size[labels == names.index(name)]
        change = np.median(own[:, 2] / np.maximum(own[:, 1], 1) - 1)
        assert least < change < largest


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (lambda: bk.data.shape_scenes(0), "`count` must be a positive integer"),
        (lambda: bk.data.shape_scenes(1, most=0), "`most` must be a positive integer"),
        (lambda: bk.data.shape_scenes(1, size=15), "`size` must be 16 or more"),
        (lambda: bk.data.shape_identities(1, pictures=0), "`pictures` must be a positive integer"),
        (lambda: bk.data.moving_shapes(1, frames=2), "`frames` must be 3 or more"),
    ],
)
def test_truth__refuses_what_can_not_be_drawn(draw, sentence):
    with pytest.raises(ValueError, match=sentence):
        draw()
