import numpy as np
import pytest

from byol_keras.data.shapes import shape_masks, shapes
from byol_keras.evaluation import knn_accuracy


@pytest.fixture(scope="module")
def drawn():
    return shapes(1200, seed=3)


def test_shapes__are_pictures_with_labels_and_names(drawn):
    images, labels, names = drawn
    assert (images.shape, images.dtype) == ((1200, 32, 32, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((1200,), np.int64)
    assert len(set(names)) == len(names) >= 6
    assert set(labels) == set(range(len(names)))


def test_shapes__equal_seeds_draw_equal_pictures():
    (images, labels, _), (again, labels_again, _) = shapes(40, seed=5), shapes(40, seed=5)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, labels_again)


def test_shapes__other_seeds_draw_other_pictures():
    (images, labels, _), (others, other_labels, _) = shapes(40, seed=5), shapes(40, seed=6)
    assert not np.array_equal(labels, other_labels)
    assert not any(np.array_equal(image, other) for image in images for other in others)


def test_shapes__classes_are_balanced_within_noise(drawn):
    _, labels, names = drawn
    share = 1 / len(names)
    deviations = 5 * np.sqrt(len(labels) * share * (1 - share))
    assert np.abs(np.bincount(labels) - len(labels) * share).max() < deviations


def test_shapes__raw_pixels_are_a_poor_guide(drawn):
    images, labels, names = drawn
    pixels = images.reshape(len(images), -1) / 255.0
    for features in (pixels, pixels - pixels[:1000].mean(axis=0)):
        accuracy = knn_accuracy(features[:1000], labels[:1000], features[1000:], labels[1000:], k=20)
        assert accuracy < 3 / len(names)


def test_shapes__sides_follow_size():
    assert shapes(3, size=48)[0].shape == (3, 48, 48, 3)
    assert shapes(3, size=21)[0].shape == (3, 21, 21, 3)


def test_shapes__one_picture_is_drawn():
    images, labels, _ = shapes(1)
    assert images.shape == (1, 32, 32, 3)
    assert images.std() > 0
    assert labels.shape == (1,)


@pytest.mark.parametrize(("name", "value"), [("count", 0), ("count", 2.5), ("size", 0), ("size", -32)])
def test_shapes__refuse_what_is_no_size(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer. Received: {name}={value}"):
        shapes(**{"count": 4, name: value})


def test_shape_masks__belong_to_the_pictures_of_shapes():
    images, masks, names = shape_masks(40, seed=3)
    same, labels, kinds = shapes(40, seed=3)
    np.testing.assert_array_equal(images, same)
    assert names == ("background", *kinds)
    for mask, label in zip(masks, labels, strict=True):
        assert set(np.unique(mask)) == {0, 1 + label}
    # Shapes differ from the background by light, so what the mask covers lies apart from what it does not.
    light = images.mean(axis=-1)
    for picture, mask in zip(light, masks, strict=True):
        assert abs(picture[mask > 0].mean() - picture[mask == 0].mean()) > 40
