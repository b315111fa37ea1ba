"""The two ways to make a view, by matrices and by taps, make the same pictures; and who takes which."""

import numpy as np
import pytest
import tensorflow as tf

from byol_keras.views import ClipViews, ImageViews, geometry, taps

SEED = tf.constant((11, 12))


def pictures(count=6, height=96, width=80, channels=3):
    return tf.constant(np.random.default_rng(0).integers(0, 256, (count, height, width, channels), dtype="uint8"))


def graph_of(views, images):
    return tf.function(views).get_concrete_function(images, SEED).graph.as_graph_def()


def programs(views, images):
    """How many parts of the graph XLA compiles by themselves."""
    return sum(function.attr["_XlaMustCompile"].b for function in graph_of(views, images).library.function)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 64, "preset": "cifar"},
        {"size": (56, 72), "resize": "bicubic", "kernel": 7},
        {"size": (150, 40), "blur": 0.5, "flip": 0.5, "solarize": 0.5},
        {"size": (7, 130), "blur": 0.5, "resize": "bicubic", "area": (0.001, 1.0), "ratio": (0.1, 10.0)},
    ],
    ids=str,
)
def test_taps__make_the_pictures_of_matrices(options):
    views, images = ImageViews(**options), pictures(12)
    assert programs(views, images) > 2
    for by_matrices, by_taps in zip(views(images, SEED), tf.function(views)(images, SEED), strict=True):
        differs = np.abs(by_matrices - by_taps) > 1e-5
        # A pixel whose brightness is the threshold's to the last digit may be solarized by one and not by the other.
        assert differs.mean() < 1e-4
        assert by_matrices.shape == by_taps.shape


@pytest.mark.parametrize("resize", geometry.RESIZES)
@pytest.mark.parametrize(("source", "target"), [(64, 64), (96, 64), (64, 200), (256, 24), (3, 64), (70, 1)])
def test_taps__are_the_matrix_without_its_zeros(source, target, resize):
    random = np.random.default_rng(0)
    extent = np.concatenate([[source, 1], random.integers(1, source + 1, 30)])
    start = np.concatenate([[0, source - 1], random.integers(0, source - extent[2:] + 1)])
    axis = taps.Axis(*(tf.constant(values, tf.float32) for values in (start, extent)), tf.constant([True, False] * 16))
    places, weights = taps.resizing(axis, source, target, resize)
    matrices = tf.zeros((32, target, source)).numpy()
    np.put_along_axis(matrices, places.numpy(), weights.numpy(), axis=2)
    expected = geometry.resizing(axis.start, axis.extent, source, target, resize, axis.flip)
    np.testing.assert_allclose(matrices, expected, atol=1e-6)
    assert places.shape[2] == taps.count(source, target, resize) <= source


def test_weights__do_not_lose_digits_far_from_the_corner():
    matrix = geometry.resizing(tf.constant([1000.0]), tf.constant([997.0]), 2000, 640, "triangle")[0].numpy()
    middles = 1000.0 + (np.arange(640) + 0.5) * 997 / 640
    exact = np.maximum(1 - np.abs(np.arange(2000) + 0.5 - middles[:, None]) * 640 / 997, 0)
    exact *= (np.arange(2000) >= 1000) & (np.arange(2000) < 1997)
    np.testing.assert_allclose(matrix, exact / exact.sum(axis=1, keepdims=True), atol=5e-7)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_blur__is_that_of_matrices_and_leaves_the_others_alone(share):
    planes = tf.random.stateless_uniform((10, 2, 31, 70), SEED)
    sigma = tf.where(tf.range(10) < int(10 * share), tf.linspace(0.1, 3.0, 10), 0.0)[::-1]
    made = tf.function(taps.blurred)(planes, tf.cast(sigma, tf.float32), 9)
    rows, columns = (geometry.blurring(tf.cast(sigma, tf.float32), side, 9)[:, None] for side in (31, 70))
    np.testing.assert_allclose(made, rows @ planes @ tf.linalg.matrix_transpose(columns), atol=1e-6)
    chosen = sigma.numpy() > 0
    np.testing.assert_array_equal(made[~chosen], planes[~chosen])


@pytest.mark.parametrize("channels", [1, 13])
def test_taps__take_uint8_and_floats_of_any_number_of_channels(channels):
    views, images = ImageViews(72, solarize=0.0), pictures(channels=channels)
    run = tf.function(views)
    for dtype in (tf.float32, tf.float64):
        for one, other in zip(run(images, SEED), run(tf.cast(images, dtype) / 255, SEED), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_taps__take_batches_of_any_size():
    views, images = ImageViews(64, preset="cifar", solarize=0.0), pictures(8)
    run = tf.function(views, input_signature=[tf.TensorSpec((None, 96, 80, 3), tf.uint8), tf.TensorSpec(2, tf.int32)])
    for count in (8, 1, 5):
        for one, other in zip(run(images[:count], SEED), views(images[:count], SEED), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_taps__make_cropped_pairs_and_clips_too():
    views, pair = ImageViews(64, solarize=0.0), {"view_1": pictures(), "view_2": pictures(height=64, width=64)}
    clips = ClipViews(frames=2, image_views=views)
    videos = tf.reshape(pictures(12), (2, 6, 96, 80, 3))
    for made, batch in ((views, pair), (clips, videos)):
        for one, other in zip(made(batch, SEED), tf.function(made)(batch, SEED), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_taps__are_for_large_pictures_in_graphs_that_are_not_compiled_as_a_whole():
    large, small, views = pictures(), pictures(height=48, width=40), ImageViews(32)
    assert 0 < programs(views, small) < programs(views, large)
    assert not taps.pay(large, (32, 32), "triangle")

    @tf.function
    def part(images):
        assert not taps.pay(images, (32, 32), "triangle")
        return views(images, SEED)

    whole = tf.function(part, jit_compile=True)
    for one, other in zip(views(large, SEED), whole(large), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_taps__are_not_made_where_there_would_be_too_many():
    @tf.function
    def asks(images):
        return taps.pay(images, (8, 8), "bicubic"), taps.pay(images, (64, 64), "bicubic")

    assert [bool(paid) for paid in asks(tf.zeros((1, 512, 512, 1)))] == [False, True]
