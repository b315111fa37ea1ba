"""The random choices of picture views: probabilities, ranges, independence, and who draws what."""

import math

import numpy as np
import pytest
import tensorflow as tf

from byol_keras.views import ImageViews
from byol_keras.views.parameters import Parameters

COUNT, HEIGHT, WIDTH = 10_000, 64, 48
SIGMAS = 5.0


def drawn(views, view=0, seed=(1, 2), count=COUNT, height=HEIGHT, width=WIDTH):
    seed = tf.random.experimental.stateless_fold_in(seed, view, alg="philox")
    return Parameters(*(value.numpy() for value in views.draw(seed, view, count, height, width)))


def assert_share(chosen, probability):
    margin = SIGMAS * math.sqrt(probability * (1 - probability) / len(chosen))
    assert abs(chosen.mean() - probability) <= margin


def assert_uniform(values, low, high):
    """Mean and second moment within five of their standard errors, and both ends nearly reached."""
    unit = (values - low) / (high - low)
    assert unit.min() > -1e-6
    assert unit.max() < 1 + 1e-6
    assert unit.min() < 20 / len(unit)
    assert unit.max() > 1 - 20 / len(unit)
    assert abs(unit.mean() - 1 / 2) < SIGMAS * math.sqrt(1 / 12 / len(unit))
    assert abs((unit**2).mean() - 1 / 3) < SIGMAS * math.sqrt((1 / 5 - 1 / 9) / len(unit))


@pytest.mark.parametrize("view", [0, 1])
@pytest.mark.parametrize(
    "views",
    [
        ImageViews(32),
        ImageViews(32, "cifar"),
        ImageViews(32, flip=(0.1, 0.9), jitter=(0.3, 1.0), grayscale=(1.0, 0.4)),
    ],
)
def test_probabilities__are_those_asked_for(views, view):
    parameters, asked = drawn(views, view), views.settings
    assert_share(parameters.flip, asked.flip[view])
    assert_share(parameters.brightness != 0, asked.jitter[view])
    assert_share(parameters.grayscale, asked.grayscale[view])
    assert_share(parameters.sigma > 0, asked.blur[view])
    assert_share(parameters.solarize, asked.solarize[view])


def test_presets__are_the_published_ones():
    imagenet, cifar = ImageViews(224).settings, ImageViews(32, "cifar").settings
    assert imagenet._asdict() == {
        "area": (0.08, 1.0),
        "ratio": (0.75, 4 / 3),
        "flip": (0.5, 0.5),
        "jitter": (0.8, 0.8),
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.2,
        "hue": 0.1,
        "grayscale": (0.2, 0.2),
        "blur": (1.0, 0.1),
        "sigma": (0.1, 2.0),
        "solarize": (0.0, 0.2),
        "threshold": 0.5,
    }
    assert cifar == imagenet._replace(blur=(0.0, 0.0))


@pytest.mark.parametrize(("size", "kernel"), [(224, 23), (96, 9), (32, 3), (16, 3), ((224, 64), 7)])
def test_kernel__is_a_tenth_of_the_smaller_side(size, kernel):
    assert ImageViews(size).kernel == kernel


@pytest.mark.parametrize("view", [0, 1])
def test_ranges__are_filled_evenly(view):
    views = ImageViews(32, blur=0.5, brightness=0.3, contrast=0.5, saturation=0.7, hue=0.2, sigma=(0.5, 1.5))
    parameters = drawn(views, view)
    jittered, blurred = parameters.brightness != 0, parameters.sigma > 0
    assert_uniform(parameters.brightness[jittered], -0.3, 0.3)
    assert_uniform(parameters.contrast[jittered], 0.5, 1.5)
    assert_uniform(parameters.saturation[jittered], 0.3, 1.7)
    assert_uniform(parameters.hue[jittered], -0.2, 0.2)
    assert_uniform(parameters.sigma[blurred], 0.5, 1.5)
    for name, neutral in (("brightness", 0), ("contrast", 1), ("saturation", 1), ("hue", 0)):
        assert np.all(getattr(parameters, name)[~jittered] == neutral)


def test_choices__are_independent():
    """Of each other within a view, and of those of the other view."""
    views = ImageViews(32, jitter=1.0, blur=0.5, solarize=0.5)
    columns = np.hstack([np.column_stack(drawn(views, view)) for view in (0, 1)])
    correlation = np.corrcoef(columns.T)
    # The sides of one box depend on each other, and a big box has little room.
    correlation[:4, :4] = correlation[12:16, 12:16] = 0
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < SIGMAS / math.sqrt(COUNT)


def torchvision_boxes(area, ratio, seed=0):
    random, boxes = np.random.default_rng(seed), []
    while len(boxes) < COUNT:
        target, aspect = HEIGHT * WIDTH * random.uniform(*area), math.exp(random.uniform(*np.log(ratio)))
        width, height = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < width <= WIDTH and 0 < height <= HEIGHT:
            top, left = random.integers(HEIGHT - height + 1), random.integers(WIDTH - width + 1)
            boxes.append((top, left, height, width))
    return np.array(boxes, "float64")


def test_boxes__are_distributed_as_in_torchvision():
    """Ten attempts practically always suffice here, so the reference tries until one fits."""
    views = ImageViews(32, area=(0.1, 0.8), ratio=(0.5, 2.0))
    boxes, reference = drawn(views).box.astype("float64"), torchvision_boxes((0.1, 0.8), (0.5, 2.0))
    for moment in (
        lambda b: b,
        lambda b: b**2,
        lambda b: (b[:, 2] * b[:, 3])[:, None],
        lambda b: np.log(b[:, 2:]),
    ):
        ours, theirs = moment(boxes), moment(reference)
        error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / COUNT)
        assert np.all(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < SIGMAS * error)


def test_boxes__keep_to_the_limits():
    top, left, height, width = drawn(ImageViews(32)).box.T
    for value in (top, left, height, width):
        assert np.all(value == np.round(value))
    assert min(top.min(), left.min()) == 0
    assert (top + height).max() == HEIGHT
    assert (left + width).max() == WIDTH
    # Each side is off by half a pixel at most.
    assert np.all((height + 0.5) * (width + 0.5) >= 0.08 * HEIGHT * WIDTH)
    assert np.all((width - 0.5) / (height + 0.5) <= 4 / 3)
    assert np.all((width + 0.5) / (height - 0.5) >= 3 / 4)


def test_offsets__are_even_from_one_end_to_the_other():
    box = drawn(ImageViews(32, area=(0.25, 0.25), ratio=(1.0, 1.0)), height=32, width=32).box
    assert np.all(box[:, 2:] == 16)
    for offsets in (box[:, 0], box[:, 1]):
        for offset in range(17):
            assert_share(offsets == offset, 1 / 17)


def test_area_of_one__takes_the_whole_picture():
    box = drawn(ImageViews(32, area=(1.0, 1.0), ratio=(1.0, 1.0)), height=32, width=32).box
    assert np.all(box == [0, 0, 32, 32])


def test_two_pictures__get_their_own_parameters():
    parameters = drawn(ImageViews(32, jitter=1.0), count=512)
    for name in ("brightness", "contrast", "saturation", "hue", "sigma"):
        assert len(np.unique(getattr(parameters, name))) > 500
    assert len(np.unique(parameters.box, axis=0)) > 450


def assert_same(some, others):
    for name, a, b in zip(Parameters._fields, some, others, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_draw__depends_on_seed_position_and_view_alone():
    views = ImageViews(32)
    assert_same(drawn(views), drawn(views))
    for other in (drawn(views, seed=(1, 3)), drawn(views, seed=(2, 2))):
        assert np.mean(other.brightness == drawn(views).brightness) < 0.1
    few = drawn(views, count=100)
    assert_same(few, [value[:100] for value in drawn(views)])


@pytest.mark.parametrize("size", [32, (224, 160)])
def test_draw__is_bitwise_the_same_under_xla(size):
    views = ImageViews(size, blur=0.5, solarize=0.5)

    def draw(seed):
        return views.draw(seed, 0, COUNT, 375, 500)

    for seed in ((0, 0), (123, -456)):
        seed = tf.constant(seed)
        eager, graph = draw(seed), tf.function(draw)(seed)
        assert_same(eager, graph)
        assert_same(eager, tf.function(draw, jit_compile=True)(seed))


def test_replicas__draw_what_one_device_would():
    views, strategy = ImageViews(32, blur=0.5), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    @tf.function
    def draw(seed):
        return strategy.run(lambda: tuple(views.draw(seed, 0, 50, 40, 40)))

    replicas = [strategy.experimental_local_results(value) for value in draw(tf.constant([3, 4]))]
    assert_same([np.concatenate(parts) for parts in replicas], views.draw((3, 4), 0, 100, 40, 40))
    assert not np.array_equal(replicas[2][0], replicas[2][1])


def test_strategy_scope__outside_of_a_replica_draws_for_the_whole_batch():
    views = ImageViews(32)
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        inside = drawn(views, count=20)
    assert_same(inside, drawn(views, count=20))
