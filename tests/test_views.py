"""What views promise to the model: two of them, from any input, reproducible, saved, picky about bad data."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from byol_keras.views import ImageViews

SEED = (11, 12)
NOTHING = {"flip": 0.0, "jitter": 0.0, "grayscale": 0.0, "blur": 0.0, "solarize": 0.0}
WHOLE = {"area": (1.0, 1.0), "ratio": (1.0, 1.0)}
UNUSUAL = {
    "size": (20, 24),
    "preset": "cifar",
    "area": (0.3, 0.9),
    "ratio": (0.5, 1.5),
    "flip": (0.1, 0.7),
    "jitter": (0.9, 0.6),
    "brightness": 0.3,
    "contrast": 0.2,
    "saturation": 0.5,
    "hue": 0.3,
    "grayscale": (0.3, 0.1),
    "blur": (0.5, 0.8),
    "sigma": (0.4, 1.1),
    "solarize": (0.4, 0.6),
    "threshold": 0.7,
    "resize": "bicubic",
    "kernel": 7,
}


def pictures(count=8, height=48, width=40, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), dtype="uint8")


def as_floats(images):
    return (images / 255).astype("float32")


@pytest.mark.parametrize("channels", [1, 3, 4, 13])
@pytest.mark.parametrize("preset", ["imagenet", "cifar"])
def test_views__are_two_float_batches_of_the_size_asked_for(preset, channels):
    views = ImageViews((24, 32), preset=preset)(pictures(channels=channels), SEED)
    assert len(views) == 2
    for view in views:
        assert view.shape == (8, 24, 32, channels)
        assert view.dtype == tf.float32
        assert 0.0 <= np.min(view) < np.max(view) <= 1.0
    assert np.abs(views[0] - views[1]).mean() > 0.05


def test_bicubic__never_leaves_the_unit_range():
    views = ImageViews(48, preset="cifar", resize="bicubic", jitter=0.0, grayscale=0.0, solarize=0.0)
    edges = np.kron(np.indices((6, 6)).sum(axis=0) % 2, np.ones((8, 8)))[None, ..., None].repeat(8, axis=0)
    for view in views(edges, SEED):
        assert np.min(view) == 0.0
        assert np.max(view) == 1.0


def test_seed__decides_everything():
    views, images = ImageViews(32), pictures()
    first, again, other = views(images, SEED), views(images, SEED), views(images, (11, 13))
    for view in (0, 1):
        np.testing.assert_array_equal(first[view], again[view])
        assert np.abs(first[view] - other[view]).mean() > 0.05


def test_seed__must_be_two_integers():
    with pytest.raises(ValueError, match=r"`seed` must be two integers\. Received: seed of shape"):
        ImageViews(32)(pictures(), 7)


def test_uint8_and_floats__give_the_same_views():
    views, images = ImageViews(32), pictures()
    for dtype in ("float32", "float64"):
        for one, other in zip(views(images, SEED), views((images / 255).astype(dtype), SEED), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("preset", ["imagenet", "cifar"])
@pytest.mark.parametrize("channels", [3, 4])
def test_jit__gives_the_same_pixels(preset, channels):
    views, images = ImageViews(32, preset=preset), tf.constant(pictures(32, channels=channels))
    seed = tf.constant(SEED)
    for jit_compile in (False, True):
        compiled = tf.function(views, jit_compile=jit_compile)(images, seed)
        for one, other in zip(views(images, seed), compiled, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_graph__takes_shapes_that_are_unknown():
    views, images = ImageViews(32), pictures()
    graph = tf.function(views).get_concrete_function(
        tf.TensorSpec([None, None, None, 3], tf.uint8), tf.TensorSpec([2], tf.int32)
    )
    for one, other in zip(views(images, SEED), graph(tf.constant(images), tf.constant(SEED)), strict=True):
        assert other.shape[1:] == (32, 32, 3)
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_tf_data__can_make_views_too():
    views, images = ImageViews(32), pictures()
    made = next(iter(tf.data.Dataset.from_tensors(images).map(lambda batch: views(batch, SEED))))
    for one, other in zip(views(images, SEED), made, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_replicas__see_the_views_of_one_device():
    views, images = ImageViews(32), tf.constant(pictures())
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    halves = strategy.experimental_distribute_values_from_function(
        lambda context: tf.split(images, 2)[context.replica_id_in_sync_group]
    )

    @tf.function
    def run(batch, seed):
        return strategy.run(views, (batch, seed))

    for whole, parts in zip(views(images, SEED), run(halves, tf.constant(SEED)), strict=True):
        parts = strategy.experimental_local_results(parts)
        np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_replicas__make_different_views_of_the_same_pictures():
    views, images = ImageViews(32), tf.constant(pictures())
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    view, _ = tf.function(lambda: strategy.run(views, (images, SEED)))()
    one, other = strategy.experimental_local_results(view)
    assert np.abs(one - other).mean() > 0.05


def test_cropped_pair__goes_through_everything_but_the_crop():
    views, pair = ImageViews(32), {"view_1": pictures(height=32, width=32), "view_2": pictures(seed=1)}
    for index, view in enumerate(views(pair, SEED)):
        images = as_floats(pair[f"view_{index + 1}"])
        seed = tf.random.experimental.stateless_fold_in(SEED, index, alg="philox")
        parameters = views.draw(seed, index, *images.shape[:3])
        box = tf.constant([[0.0, 0.0, *images.shape[1:3]]] * 8)
        assert not np.array_equal(parameters.box, box)
        expected = views.apply(images, parameters._replace(box=box), index)
        np.testing.assert_allclose(view, expected, atol=1e-6)


def test_cropped_pair__without_augmentation_is_left_alone():
    images = as_floats(pictures(height=32, width=32))
    for view in ImageViews(32, **NOTHING)({"view_1": images, "view_2": images}, SEED):
        np.testing.assert_allclose(view, images, atol=1e-6)


def test_whole_picture__without_augmentation_is_left_alone():
    images = as_floats(pictures(height=32, width=32))
    for view in ImageViews(32, **NOTHING, **WHOLE)(images, SEED):
        np.testing.assert_allclose(view, images, atol=1e-6)


def test_operation__that_never_happens_costs_nothing():
    def operations(**options):
        graph = tf.function(ImageViews(32, **(NOTHING | options)))
        graph = graph.get_concrete_function(tf.TensorSpec([8, 48, 40, 3]), tf.TensorSpec([2], tf.int32)).graph
        definition = graph.as_graph_def()
        inside = [node for function in definition.library.function for node in function.node_def]
        return [node.op for node in (*definition.node, *inside)]

    without = operations()
    assert len(operations(blur=(0.0, 0.1))) > len(without)
    assert len(operations(jitter=(0.1, 0.0))) > len(without)
    assert len(operations(grayscale=(0.0, 0.1))) > len(without)
    assert len(operations(solarize=(0.1, 0.0))) > len(without)


def signature(cls):
    return set(inspect.signature(cls).parameters)


def test_config__covers_the_constructor():
    assert set(ImageViews(32).get_config()) == signature(ImageViews)
    assert set(UNUSUAL) == signature(ImageViews)
    assert ImageViews(**UNUSUAL).get_config() == UNUSUAL


@pytest.mark.parametrize("views", [ImageViews(32), ImageViews(**UNUSUAL)])
def test_round_trip__makes_the_same_views(views):
    written = json.dumps(keras.saving.serialize_keras_object(views))
    revived = keras.saving.deserialize_keras_object(json.loads(written))
    assert type(revived) is ImageViews
    for one, other in zip(views(pictures(), SEED), revived(pictures(), SEED), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", sorted(signature(ImageViews) - {"size", "preset"}))
def test_argument__changes_the_views(name):
    """Each argument reaches the pixels: none is stored and forgotten."""
    views = {"size": 32, "blur": 0.3, "solarize": 0.5}
    images = pictures(64)
    usual, changed = (
        ImageViews(**views)(images, SEED),
        ImageViews(**(views | {name: UNUSUAL[name]}))(images, SEED),
    )
    for one, other in zip(usual, changed, strict=True):
        assert np.abs(one - other).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "`size` must be a positive integer.*Received: size=0"),
        ({"size": (32,)}, "`size` must be"),
        ({"size": 32.5}, "`size` must be"),
        ({"preset": "mnist"}, "`preset` must be one of imagenet, cifar. Received: preset='mnist'"),
        ({"area": (0.0, 1.0)}, "`area` must be two numbers, 0 < low <= high <= 1. Received"),
        ({"area": (0.1, 1.1)}, "`area`"),
        ({"area": (0.9, 0.1)}, "`area`"),
        ({"area": 0.5}, "`area`"),
        ({"ratio": (0.0, 1.0)}, "`ratio` must be two numbers, 0 < low <= high. Received"),
        ({"ratio": "34"}, "`ratio`"),
        ({"sigma": (2.0, 0.1)}, "`sigma`"),
        ({"sigma": (0.1, np.inf)}, "`sigma`"),
        ({"ratio": (1.0, np.inf)}, "`ratio`"),
        ({"flip": 1.1}, "`flip` must be a probability in .*two of them.*Received: flip=1.1"),
        ({"jitter": (0.1, -0.1)}, "`jitter`"),
        ({"grayscale": (0.1, 0.2, 0.3)}, "`grayscale`"),
        ({"blur": "often"}, "`blur`"),
        ({"solarize": float("nan")}, "`solarize`"),
        ({"brightness": -0.1}, r"`brightness` must be a number in \[0, 1\]. Received: brightness=-0.1"),
        ({"contrast": 1.1}, "`contrast`"),
        ({"saturation": 1.1}, "`saturation`"),
        ({"hue": 0.6}, r"`hue` must be a number in \[0, 0.5\]"),
        ({"threshold": 128}, "`threshold`"),
        ({"resize": "nearest"}, r"`resize` must be one of \['bicubic', 'triangle'\]"),
        ({"kernel": 4}, "`kernel` must be a positive odd integer. Received: kernel=4"),
        ({"kernel": -1}, "`kernel`"),
    ],
)
def test_constructor__refuses_what_makes_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        ImageViews(**({"size": 32} | options))


BAD_KINDS = [
    (np.zeros((8, 32, 32), "uint8"), r"`views` takes pictures of shape .* Received: shape \(8, 32, 32\)"),
    (np.zeros((8, 32, 32, 3), "int32"), "divide other integers by their largest.*Received: dtype int32"),
    (np.zeros((8, 32, 32, 3), "uint16"), "Received: dtype uint16"),
    (np.zeros((8, 32, 32, 3), bool), "Received: dtype bool"),
    (
        {"view_1": pictures(), "view_3": pictures()},
        r"'view_1' and 'view_2'. Received: .* \['view_1', 'view_3'\]",
    ),
]
BAD_PIXELS = [
    (pictures().astype("float32"), r"0..255 are the classic mistake.*uint8.*Received: pixels in \[0, 255\]"),
    (as_floats(pictures()) - 0.5, r"leave normalisation to the encoder. Received: pixels in \[-0.5, 0.5\]"),
    (np.full((2, 4, 4, 1), np.nan), "`x` must be finite.*Received: 32 of 32 values not finite"),
    ({"view_1": pictures(), "view_2": np.full((2, 4, 4, 1), np.inf)}, "finite"),
]


@pytest.mark.parametrize(("batch", "message"), BAD_KINDS + BAD_PIXELS)
def test_check__refuses_bad_pictures(batch, message):
    with pytest.raises(ValueError, match=message):
        ImageViews(32).check(batch)


@pytest.mark.parametrize(("batch", "message"), BAD_KINDS)
def test_call__refuses_what_are_no_pictures(batch, message):
    with pytest.raises(ValueError, match=message):
        ImageViews(32)(batch, SEED)


@pytest.mark.parametrize(
    "batch",
    [
        pictures(),
        as_floats(pictures()),
        tf.constant(as_floats(pictures())),
        tf.cast(as_floats(pictures()), tf.bfloat16),
        as_floats(pictures()) * 1.0015 - 0.0006,
        {"view_1": pictures(), "view_2": as_floats(pictures())},
    ],
)
def test_check__lets_pictures_pass(batch):
    ImageViews(32).check(batch)
