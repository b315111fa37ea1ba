"""Views of spectrograms: each step by itself, and all of them together."""

import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices

from byol_keras.views import AudioViews

GENERATOR = np.random.default_rng(0)
CLIPS = GENERATOR.normal(size=(64, 24, 40, 1)).astype("float32")
NOTHING = {"mixing": 0.0, "frequency_scale": (1.0, 1.0), "time_scale": (1.0, 1.0), "canvas": 1.0, "fader": 0.0}
EVERYTHING = AudioViews(gain=3.0, noise=1.0, time_masking=0.3, frequency_masking=0.3, deviation=2.0)
# Ten decibels are a factor of ten.
DECIBELS = 10 / np.log(10)


def views_of(clips=CLIPS, seed=(1, 2), **options):
    return [view.numpy() for view in AudioViews(**NOTHING | options)(clips, seed=seed)]


def test_nothing__leaves_everything_as_it_is():
    for view in views_of():
        np.testing.assert_array_equal(view, CLIPS)


def test_every_step__differs_between_views_and_examples_and_follows_the_seed():
    same = np.repeat(CLIPS[:1], 64, axis=0)
    for clips, options in (
        (CLIPS, {"mixing": 0.4}),
        (same, {"frequency_scale": (0.3, 0.9)}),
        (same, {"time_scale": (0.3, 0.9)}),
        (same, {"canvas": 2.0}),
        (same, {"gain": 6.0}),
        (same, {"fader": 6.0}),
        (same, {"noise": 1.0}),
        (same, {"time_masking": 0.5}),
        (same, {"frequency_masking": 0.5}),
    ):
        first, second = views_of(clips, **options)
        assert np.mean(np.any(first != second, axis=(1, 2, 3))) > 0.85, options
        assert len(np.unique(first.reshape(64, -1), axis=0)) > 8, options
        np.testing.assert_array_equal(views_of(clips, **options)[1], second)
        assert not np.array_equal(views_of(clips, seed=(1, 3), **options)[0], first), options


@pytest.mark.parametrize("deviation", [1.0, 2.5])
def test_mixing__adds_the_power_of_one_other_clip(deviation):
    first, _ = views_of(mixing=0.4, deviation=deviation)
    power, mixed = (np.exp(deviation * x.astype("float64")) for x in (CLIPS, first))
    shares = []
    for own, found in zip(power, mixed, strict=True):
        # share * (other - own) must explain the difference everywhere.
        direction = (power - own).reshape(64, -1)
        difference = (found - own).ravel()
        share = direction @ difference / np.maximum(np.sum(direction**2, axis=1), 1e-9)
        left = np.abs(difference - share[:, None] * direction).max(axis=1)
        best = np.argmin(left)
        assert left[best] < 1e-3 * power.max()
        shares.append(share[best])
    assert min(shares) > -1e-5
    assert max(shares) < 0.4
    assert np.mean(shares) == pytest.approx(0.2, abs=0.05)


def test_mixing__keeps_its_numbers_where_exponentials_would_not():
    clips = 300.0 * CLIPS
    first, _ = views_of(clips, mixing=0.4)
    assert np.isfinite(first).all()
    assert (first >= clips - 0.6).all()  # a share of 0.4 costs log(0.6) at most


def test_cropping__a_constant_clip_stays_one():
    flat = np.full((64, 24, 40, 1), -3.0, "float32") + np.arange(64)[:, None, None, None].astype("float32")
    options = {"frequency_scale": (0.6, 1.5), "time_scale": (0.6, 1.5), "canvas": 1.5}
    np.testing.assert_allclose(views_of(flat, **options)[0], flat, atol=1e-4)


def test_cropping__stretches_time_and_frequency_within_its_scale():
    """The slope of a ramp tells how large a part was taken."""
    rows, columns = np.meshgrid(np.arange(24.0), np.arange(40.0), indexing="ij")
    for ramp, axis, size, scale in ((rows, 1, 24, (0.5, 0.8)), (columns, 2, 40, (0.25, 0.75))):
        clips = np.tile(ramp.astype("float32")[None, ..., None], (64, 1, 1, 1))
        name = ("frequency_scale", "time_scale")[axis - 1]
        view, _ = views_of(clips, **{name: scale})
        # At the very ends interpolation runs out of neighbours.
        inner = np.diff(view, axis=axis).take(range(size // 4, 3 * size // 4), axis=axis)
        slopes = np.median(inner, axis=(1, 2, 3))
        assert slopes.min() >= np.floor(scale[0] * size) / size - 0.02
        assert slopes.max() <= scale[1] + 0.02
        assert slopes.mean() == pytest.approx(sum(scale) / 2 - 0.5 / size, abs=0.05)


def test_canvas__shifts_the_clip_and_is_empty_around_it():
    clips = np.zeros((64, 24, 40, 1), "float32")
    clips[:, :, 20] = 1.0
    view, _ = views_of(clips, canvas=1.5)
    loudest = view[:, 5, :, 0].argmax(axis=1)
    assert (loudest.min(), loudest.max()) == (10, 30)
    # What was beside the clip is its mean.
    rolled = np.stack([np.roll(clip, place - 20, axis=1) for clip, place in zip(clips, loudest, strict=True)])
    inside = np.arange(40)[None] >= loudest[:, None] - 20
    inside &= np.arange(40)[None] < loudest[:, None] + 20
    wanted = np.where(inside[:, None, :, None], rolled, 1 / 40)
    np.testing.assert_allclose(view, wanted, atol=1e-5)


def test_gain_and_fader__are_decibels():
    for deviation in (1.0, 4.0):
        whole = DECIBELS * deviation * (views_of(gain=6.0, deviation=deviation)[0] - CLIPS)
        np.testing.assert_allclose(whole, np.broadcast_to(whole[:, :1, :1], whole.shape), atol=1e-4)
        assert 5.0 < np.abs(whole).max() <= 6.0 + 1e-4
        faded = DECIBELS * deviation * (views_of(fader=6.0, deviation=deviation)[0] - CLIPS)
        np.testing.assert_allclose(faded, np.broadcast_to(faded[:, :1], faded.shape), atol=1e-4)
        np.testing.assert_allclose(np.diff(faded, n=2, axis=2), 0.0, atol=1e-4)
        ends = faded[:, 0, [0, -1], 0]
        assert 5.0 < np.abs(ends).max() <= 6.0 + 1e-4
        assert abs(np.corrcoef(ends.T)[0, 1]) < 0.3


def test_noise__has_its_spread_in_decibels():
    first, _ = views_of(noise=2.0, deviation=3.0)
    assert (3.0 * DECIBELS * (first - CLIPS)).std() == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize(("name", "axis", "size"), [("time_masking", 2, 40), ("frequency_masking", 1, 24)])
def test_masking__empties_one_interval_of_up_to_its_share(name, axis, size):
    first, _ = views_of(**{name: 0.3})
    changed = first != CLIPS
    across = changed.all(axis=3 - axis)[..., 0]
    np.testing.assert_array_equal(across, changed.any(axis=3 - axis)[..., 0])
    lengths = across.sum(axis=1)
    assert (lengths.min(), lengths.max()) == (0, int(0.3 * size))
    assert (np.abs(np.diff(across.astype(int), axis=1)).sum(axis=1) <= 2).all()
    means = np.broadcast_to(CLIPS.mean(axis=(1, 2, 3), keepdims=True), CLIPS.shape)
    np.testing.assert_allclose(first[changed], means[changed], atol=1e-5)


def test_views__are_the_same_compiled():
    eager = EVERYTHING(CLIPS, seed=(1, 2))
    for jit in (False, True):
        compiled = tf.function(EVERYTHING, jit_compile=jit)(tf.constant(CLIPS), tf.constant([1, 2]))
        for ours, theirs in zip(eager, compiled, strict=True):
            assert theirs.shape == CLIPS.shape
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_views__of_two_replicas_are_those_of_one_device():
    expected = EVERYTHING(CLIPS, seed=(1, 2))[0]
    strategy = two_devices()
    clips = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(CLIPS, 2)[context.replica_id_in_sync_group])
    )
    run = tf.function(lambda clips: strategy.run(lambda part: EVERYTHING(part, tf.constant([1, 2]))[0], [clips]))
    found = np.concatenate(strategy.experimental_local_results(run(clips)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mixing": 1.0}, r"`mixing` must be in \[0, 1\)\. Received: mixing=1\.0"),
        ({"time_masking": 1.5}, "`time_masking`"),
        ({"frequency_masking": -0.5}, "`frequency_masking`"),
        ({"gain": -1.0}, "`gain` must be 0 or more, and finite"),
        ({"fader": float("nan")}, "`fader`"),
        ({"noise": -1.0}, "`noise`"),
        ({"canvas": 0.5}, "`canvas` must be 1 or more"),
        ({"deviation": 0.0}, "`deviation` must be positive"),
        ({"time_scale": (1.5, 0.6)}, "`time_scale` must be two positive numbers"),
        ({"frequency_scale": (0.0, 1.0)}, "`frequency_scale`"),
        ({"frequency_scale": (1.0,)}, "`frequency_scale`"),
        ({"time_scale": 1.0}, "`time_scale`"),
    ],
)
def test_options__out_of_their_range_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        AudioViews(**options)


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        (CLIPS[..., 0], r"of shape \(batch, mels, time, 1\)"),
        (np.repeat(CLIPS, 3, axis=3), r"of shape \(batch, mels, time, 1\)"),
        (CLIPS.astype("int32"), "floating-point"),
        (np.where(CLIPS > 3, np.float32("nan"), CLIPS), "must be finite"),
        (np.broadcast_to(CLIPS[:, :1, :1], CLIPS.shape), "all of them silent"),
    ],
)
def test_clips__that_are_none_are_refused(clips, sentence):
    with pytest.raises(ValueError, match=sentence):
        AudioViews().check(clips)


def test_clips__of_unknown_length_are_refused_and_a_single_silent_one_is_not():
    spec = tf.TensorSpec([None, 24, None, 1], tf.float32)
    with pytest.raises(ValueError, match="all of one length"):
        tf.function(lambda clips: AudioViews()(clips, tf.constant([1, 2]))).get_concrete_function(spec)
    clips = CLIPS.copy()
    clips[0] = -16.0
    AudioViews().check(clips)
    assert np.isfinite(AudioViews()(clips, seed=(1, 2))[0]).all()
