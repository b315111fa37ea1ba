"""Videos: two clips of each, and an encoder over frames."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices

import byol_keras as bk
from byol_keras.encoders import over_frames
from byol_keras.randomness import fold_in
from byol_keras.views import ClipViews, ImageViews

GENERATOR = np.random.default_rng(0)
VIDEOS = GENERATOR.integers(0, 256, (4, 12, 20, 24, 3), dtype="uint8")
EVERYTHING = {"size": 16, "preset": "imagenet", "blur": (1.0, 0.5), "solarize": 0.5}
# Changes nothing: what is seen is the window itself.
PLAIN = {"size": (20, 24), "area": (1.0, 1.0), "ratio": (1.2, 1.2), "flip": 0, "jitter": 0, "grayscale": 0, "blur": 0}
PLAIN |= {"solarize": 0}


def counted(count=64, time=12):
    """Videos whose pixels say which frame it is."""
    frames = np.arange(time, dtype="float32") / 100
    return np.broadcast_to(frames[None, :, None, None, None], (count, time, 20, 24, 3))


def numbers_of(clips):
    return np.round(100 * np.asarray(clips)[..., 0, 0, 0]).astype(int)


def test_clips__of_one_repeated_frame_are_equal_frames():
    still = np.repeat(VIDEOS[:, :1], 12, axis=1)
    for clips in ClipViews(5, EVERYTHING, stride=(1, 2))(still, seed=(1, 2)):
        np.testing.assert_array_equal(clips, np.repeat(clips[:, :1], 5, axis=1))


def test_clips__of_one_frame_are_what_image_views_make_of_it():
    views, pictures = ImageViews(**EVERYTHING), VIDEOS[:, 0] / np.float32(255)
    for index, clips in enumerate(ClipViews(1, views)(VIDEOS[:, :1], seed=(1, 2))):
        choices = views.draw(fold_in(fold_in(tf.constant([1, 2]), index), 1), index, 4, 20, 24)
        np.testing.assert_array_equal(clips[:, 0], views.apply(pictures, choices, index))


def test_clips__differ_between_views_and_between_videos():
    same = np.repeat(VIDEOS[:1], 4, axis=0)
    still = np.repeat(same[:, :1], 12, axis=1)
    first, second = (np.asarray(clips) for clips in ClipViews(5, EVERYTHING)(still, seed=(1, 2)))
    clips = [*first, *second]
    assert all(not np.allclose(one, two) for i, one in enumerate(clips) for two in clips[:i])


@pytest.mark.parametrize("stride", [1, 3, (1, 3)])
def test_windows__are_consecutive_and_reach_both_ends(stride):
    views = ClipViews(4, ImageViews(**PLAIN), stride=stride)
    least, largest = views.stride
    seen = [numbers_of(clips) for seed in range(10) for clips in views(counted(), seed=(0, seed))]
    numbers = np.concatenate(seen)
    assert (numbers.min(), numbers.max()) == (0, 11)
    steps = np.diff(numbers, axis=1)
    np.testing.assert_array_equal(steps, np.repeat(steps[:, :1], 3, axis=1))
    assert set(steps.ravel()) == set(range(least, largest + 1))
    for step in range(least, largest + 1):
        starts = numbers[steps[:, 0] == step, 0]
        shares = np.bincount(starts, minlength=12 - 3 * step) / len(starts)
        np.testing.assert_allclose(shares, 1 / (12 - 3 * step), atol=0.06)


def test_windows__of_the_whole_video_are_the_video():
    views = ClipViews(12, ImageViews(**PLAIN))
    for clips in views(VIDEOS, seed=(1, 2)):
        np.testing.assert_allclose(clips, VIDEOS / np.float32(255), atol=1e-6)


def test_views__are_a_function_of_the_seed_and_the_same_compiled():
    views = ClipViews(5, EVERYTHING, stride=(1, 2))
    eager = views(VIDEOS, seed=(1, 2))
    for jit in (False, True):
        compiled = tf.function(views, jit_compile=jit)(tf.constant(VIDEOS), tf.constant([1, 2]))
        for ours, theirs in zip(eager, compiled, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-5)
    assert not np.allclose(views(VIDEOS, seed=(1, 3))[0], eager[0])


def test_views__of_videos_whose_sizes_a_graph_does_not_know():
    views, videos = ClipViews(3, ImageViews(**PLAIN)), tf.TensorSpec((None, None, None, None, 3), tf.uint8)
    graph = tf.function(lambda videos: views.view(videos, tf.constant([1, 2]), 0)).get_concrete_function(videos)
    assert graph.output_shapes.as_list() == [None, 3, 20, 24, 3]
    with pytest.raises(tf.errors.InvalidArgumentError, match="windows of up to 3 frames, more than the videos have"):
        tf.function(views.prepare, [videos])(VIDEOS[:, :2])


def test_views__of_two_replicas_are_those_of_one_device():
    views = ClipViews(5, EVERYTHING)
    expected = views(VIDEOS, seed=(1, 2))[0]
    strategy = two_devices()
    videos = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(VIDEOS, 2)[context.replica_id_in_sync_group])
    )
    run = tf.function(lambda videos: strategy.run(lambda part: views(part, tf.constant([1, 2]))[0], [videos]))
    found = np.concatenate(strategy.experimental_local_results(run(videos)))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_views__of_uint8_and_of_floats_are_the_same():
    views = ClipViews(5, EVERYTHING)
    for ours, theirs in zip(views(VIDEOS, (1, 2)), views(VIDEOS / np.float32(255), (1, 2)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: ClipViews(0, {"size": 8}), "`frames` must be a positive integer"),
        (lambda: ClipViews(2, {"size": 8}, stride=(3, 1)), "`stride` must be the least and the largest"),
        (lambda: ClipViews(2, {"size": 8}, stride=0), "`stride` must be a positive integer"),
        (lambda: ClipViews(2, None), "`image_views` must be an `ImageViews`"),
        (lambda: ClipViews(2, {"size": 8}).check(VIDEOS[:, 0]), r"of shape \(batch, time, height, width, channels\)"),
        (lambda: ClipViews(5, {"size": 8}, stride=3)(VIDEOS, (0, 1)), "windows of up to 13 frames, more than"),
        (lambda: ClipViews(2, {"size": 8}).check(VIDEOS.astype("float32")), r"float pixels in \[0, 1\]"),
        (lambda: over_frames(bk.encoders.mlp(4)), r"`encoder` must be a built model of pictures"),
        (lambda: bk.layers.OverFrames(keras.layers.Flatten())(np.zeros((2, 4, 4, 3))), "`clips` must be of shape"),
    ],
)
def test_clips__refuse_what_they_can_not_be(build, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        build()


@pytest.fixture(scope="module")
def encoder():
    return bk.encoders.small_resnet((16, 16, 3), widths=(16, 24))


def test_over_frames__of_repeated_frames_is_the_encoder_on_one(encoder):
    frames = GENERATOR.random((3, 16, 16, 3), dtype="float32")
    clips = np.repeat(frames[:, None], 5, axis=1)
    np.testing.assert_allclose(over_frames(encoder)(clips), encoder(frames), atol=1e-6)


def test_over_frames__is_the_mean_and_shares_the_encoders_weights(encoder):
    clips = GENERATOR.random((3, 5, 16, 16, 3), dtype="float32")
    model = over_frames(encoder, frames=5)
    expected = np.mean([encoder(clips[:, frame]) for frame in range(5)], axis=0)
    np.testing.assert_allclose(model(clips), expected, atol=1e-6)
    np.testing.assert_allclose(tf.function(model, jit_compile=True)(clips), expected, atol=1e-5)
    assert {id(weight) for weight in model.weights} == {id(weight) for weight in encoder.weights}


def test_over_frames__of_pictures_whose_sizes_a_graph_does_not_know():
    model = over_frames(bk.encoders.small_resnet((None, None, 3), widths=(8,)))
    clips = GENERATOR.random((2, 3, 8, 8, 3), dtype="float32")
    graph = tf.function(model, [tf.TensorSpec((None, None, None, None, 3))])
    np.testing.assert_allclose(graph(clips), model(clips), atol=1e-6)


def test_over_frames__trains_its_normalisation(encoder):
    clips = GENERATOR.random((3, 5, 16, 16, 3), dtype="float32")
    model = over_frames(keras.models.clone_model(encoder))
    before = [weight.numpy() for weight in model.non_trainable_weights]
    model(clips, training=True)
    assert any(np.any(weight != old) for weight, old in zip(model.non_trainable_weights, before, strict=True))


def test_over_frames__survives_saving_and_serving(encoder, tmp_path):
    model = over_frames(encoder, frames=5)
    clips = GENERATOR.random((3, 5, 16, 16, 3), dtype="float32")
    model.save(tmp_path / "clips.keras")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "clips.keras")(clips), model(clips), atol=1e-6)
    served = tf.saved_model.load(bk.export.saved_model(model, tmp_path / "clips")).signatures["serving_default"]
    np.testing.assert_allclose(served(clips=clips)["representation"], model(clips), atol=1e-4)


@pytest.mark.slow
def test_training__on_clips_learns_what_they_show(tmp_path):
    videos, _, _ = bk.data.moving_shapes(64, frames=6)
    model = bk.BYOL(over_frames(bk.encoders.small_resnet((24, 24, 3), widths=(16, 24))), ClipViews(3, {"size": 24}))
    model.compile(bk.LARS(0.2))
    history = model.fit(videos, epochs=2, batch_size=16, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model.predict(videos[:, :, :24, :24], verbose=0).shape == (64, 24)
    model.save(tmp_path / "run.keras")
    revived = keras.models.load_model(tmp_path / "run.keras")
    assert revived.views.get_config() == model.views.get_config()
