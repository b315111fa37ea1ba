"""Views of what instruments see: each change alone, by its law, and what holds for all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices

import byol_keras as bk
from byol_keras.views import InstrumentViews, of_pictures

STILL = {"area": (1.0, 1.0), "brightness": 0.0, "contrast": 0.0, "gain": 0.0, "gamma": 0.0, "noise": 0.0, "blur": 0.0}
STILL |= {"flip": 0.0, "vertical_flip": 0.0, "turn": 0.0}


def pictures(count=64, side=16, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 0.6, (count, side, side, channels)).astype("float32")


def viewed(images, seed=(1, 2), **changes):
    views = InstrumentViews(images.shape[1:3], **STILL | changes)
    return [view.numpy() for view in views(images, seed)]


def test_nothing__changes_nothing():
    images = pictures()
    for view in viewed(images):
        np.testing.assert_allclose(view, images, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "operation"),
    [("flip", np.fliplr), ("vertical_flip", np.flipud), ("turn", lambda picture: picture.transpose(1, 0, 2))],
)
def test_symmetry__happens_to_its_share_of_the_pictures(change, operation):
    images = pictures(256)
    (changed, _) = viewed(images, **{change: 0.3})
    were = np.array([np.abs(operation(image) - view).max() < 1e-6 for image, view in zip(images, changed, strict=True)])
    np.testing.assert_allclose(changed[~were], images[~were], atol=1e-6)
    assert 0.15 < were.mean() < 0.45


def test_symmetries__together_are_all_eight():
    images = pictures(64)
    (changed, _) = viewed(images, flip=0.5, vertical_flip=0.5, turn=0.5)
    eight = [(lambda x, k=k: np.rot90(x, k)) for k in range(4)] + [
        (lambda x, k=k: np.rot90(x, k)[::-1]) for k in range(4)
    ]
    found = [
        next(i for i, operation in enumerate(eight) if np.abs(operation(image) - view).max() < 1e-6)
        for image, view in zip(images, changed, strict=True)
    ]
    assert set(found) == set(range(8))


def test_gain__is_one_factor_for_each_channel_of_a_picture():
    images = pictures(channels=5)
    first, second = viewed(images, gain=0.3)
    factors = first / images
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1, :1], factors.shape), rtol=1e-4)
    factors = factors[:, 0, 0]
    assert 0.7 - 1e-4 <= factors.min() < 0.75
    assert 1.25 < factors.max() <= 1.3 + 1e-4
    assert factors.std(axis=0).min() > 0.1, "pictures have factors of their own"
    assert factors.std(axis=1).min() > 0, "and so have channels"
    assert np.abs(second / images - first / images).max() > 0.1


def test_gamma__is_one_exponent_for_a_picture():
    images = pictures()
    exponents = np.log(viewed(images, gamma=0.5)[0]) / np.log(images)
    np.testing.assert_allclose(exponents, np.broadcast_to(exponents[:, :1, :1, :1], exponents.shape), rtol=1e-3)
    exponents = exponents[:, 0, 0, 0]
    assert 1 / 1.5 - 1e-3 <= exponents.min() < 0.75
    assert 1.35 < exponents.max() <= 1.5 + 1e-3
    assert 0.35 < np.mean(exponents < 1) < 0.65, "as many are brightened as are darkened"


def test_gamma__leaves_black_and_white_as_they_are():
    ends = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]).astype("float32")
    for view in viewed(ends, gamma=0.5):
        np.testing.assert_array_equal(view, ends)


def test_noise__has_each_picture_s_own_strength_up_to_the_largest():
    images = pictures(64, side=32)
    first, second = viewed(images, noise=0.05)
    residuals = first - images
    strengths = residuals.std(axis=(1, 2, 3))
    assert strengths.max() < 0.055
    assert strengths.min() < 0.01
    assert np.abs(residuals.mean(axis=(1, 2, 3))).max() < 0.01
    assert np.abs(np.corrcoef(residuals.reshape(64, -1)) - np.eye(64)).max() < 0.2
    assert abs(np.corrcoef(residuals.ravel(), (second - images).ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(("preset", "channels"), [("astronomy", 7), ("medical", 1), ("medical", 3)])
def test_views__are_in_the_unit_range_and_the_same_when_compiled(preset, channels):
    views = InstrumentViews(20, preset)
    images = np.random.default_rng(0).integers(0, 256, (16, 32, 24, channels), dtype="uint8")
    pair = views(images, (3, 4))
    for compiled in (tf.function(views), tf.function(views, jit_compile=True)):
        for eager, fast in zip(pair, compiled(tf.constant(images), tf.constant((3, 4))), strict=True):
            assert eager.shape == (16, 20, 20, channels)
            assert 0.0 <= eager.numpy().min() < eager.numpy().max() <= 1.0
            np.testing.assert_allclose(eager, fast, atol=1e-5)
    np.testing.assert_array_equal(pair[0], views(images, (3, 4))[0])
    assert np.abs(pair[0] - pair[1]).mean() > 0.02
    floats = views(images / np.float32(255), (3, 4))
    np.testing.assert_allclose(pair[0], floats[0], atol=1e-6)


def test_views__of_two_replicas_are_those_of_one_device():
    views, images = InstrumentViews(8, "astronomy"), tf.constant(pictures(16, channels=3))
    strategy = two_devices()

    def half(context):
        return images[8 * context.replica_id_in_sync_group :][:8]

    shares = strategy.experimental_distribute_values_from_function(half)
    pairs = strategy.run(lambda share: views(share, (1, 2)), (shares,))
    for of_replicas, whole in zip(pairs, views(images, (1, 2)), strict=True):
        joined = np.concatenate([part.numpy() for part in strategy.experimental_local_results(of_replicas)])
        np.testing.assert_allclose(joined, whole, atol=1e-6)


def test_views__of_crops_that_were_made_before_are_changed_but_not_cropped():
    views, images = InstrumentViews(16, **STILL | {"area": (0.1, 0.2), "flip": 1.0}), pictures()
    first, second = views({"view_1": images, "view_2": images[::-1]}, (1, 2))
    np.testing.assert_allclose(first, images[:, :, ::-1], atol=1e-6)
    np.testing.assert_allclose(second, images[::-1, :, ::-1], atol=1e-6)


@pytest.mark.long
def test_byol__learns_from_them():
    encoder = bk.encoders.small_resnet((16, 16, 4), widths=(8,))
    model = bk.BYOL(encoder, views=InstrumentViews(16, "astronomy"))
    model.compile(keras.optimizers.SGD(0.1), jit_compile=True)
    history = model.fit(pictures(32, channels=4), batch_size=16, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"preset": "x-ray"}, "`preset` must be one of astronomy, medical"),
        ({"turn": 0.5, "size": (16, 8)}, "`turn` needs square views"),
        ({"gain": 1.5}, r"`gain` must be a number in \[0, 1\]"),
        ({"gamma": -0.1}, "`gamma` must be 0 or more"),
        ({"noise": -1.0}, "`noise` must be 0 or more"),
        ({"noise": float("inf")}, "`noise` must be 0 or more, and finite"),
        ({"flip": (0.5, 0.5)}, "`flip` must be a probability"),
        ({"vertical_flip": 2.0}, r"`vertical_flip` must be a probability in \[0, 1\]"),
        ({"area": (0.5, 2.0)}, "`area` must be two numbers"),
    ],
)
def test_option__that_makes_no_sense_is_a_sentence(options, word):
    with pytest.raises(ValueError, match=word):
        InstrumentViews(**{"size": 16} | options)


def test_views_of_pictures__name_every_preset_there_is():
    assert isinstance(of_pictures(16, "astronomy"), InstrumentViews)
    with pytest.raises(ValueError, match="`preset` must be one of imagenet, cifar, astronomy, medical"):
        of_pictures(16, "x-ray")
