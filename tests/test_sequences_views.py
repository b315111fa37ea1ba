"""Views of series of numbers: what they keep, what they change, and what they refuse."""

import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices

from byol_keras.views import SequenceViews
from byol_keras.views.warping import WAVES, smooth_curves, warped

GENERATOR = np.random.default_rng(0)
LENGTHS = GENERATOR.integers(10, 41, 300)
REAL = np.arange(40) < LENGTHS[:, np.newaxis]
# Channels far from zero and of another unit each; step numbers go up, so that a value tells where it comes from.
SERIES = np.where(
    REAL[..., np.newaxis],
    np.stack([10.0 + np.tile(np.arange(40.0), (300, 1)), 500.0 + 20.0 * GENERATOR.normal(size=(300, 40))], axis=-1),
    0.0,
).astype("float32")
NOTHING = {"crop": None, "jitter": 0.0, "scaling": 0.0, "magnitude_warp": 0.0}
EVERYTHING = SequenceViews((0.5, 1.0), 0.1, 0.2, 0.1, 0.5, 0.2, span=3)


def pair(series=SERIES, seed=(1, 2), **options):
    return [np.asarray(view) for view in SequenceViews(**NOTHING | options)(series, seed=seed)]


def lengths_of(view):
    """By the convention alone: what stands before the run of zeros at the end."""
    return np.array([np.flatnonzero(series.any(axis=-1))[-1] + 1 for series in view])


def per_channel(values):
    return values[REAL].mean(axis=0), values[REAL].std(axis=0)


def test_nothing__leaves_the_series_as_it_is():
    for view in pair():
        np.testing.assert_array_equal(view, SERIES)


def test_crop__takes_a_window_at_its_own_speed_from_anywhere():
    for view in pair(crop=(0.4, 0.8)):
        shares = lengths_of(view) / LENGTHS
        assert np.all((shares >= 0.4 - 0.5 / LENGTHS) & (shares <= 0.8 + 0.5 / LENGTHS))
        assert shares.std() == pytest.approx(0.4 / np.sqrt(12), rel=0.15)
        starts = (view[:, 0, 0] - 10).astype(int)
        for series, found, start, length in zip(SERIES, view, starts, lengths_of(view), strict=True):
            np.testing.assert_array_equal(found[:length], series[start : start + length])
            assert not found[length:].any()
        room = LENGTHS - lengths_of(view)
        assert np.all(starts <= room)
        assert np.mean(starts[room > 0] / room[room > 0]) == pytest.approx(0.5, abs=0.06)


def compiled(views, spec):
    return tf.function(lambda series: views(series, seed=(1, 2)), input_signature=[spec], autograph=False)


@pytest.mark.parametrize("crop", [(0.3, 0.6), (0.5, 1.0), (0.01, 0.02), None])
@pytest.mark.parametrize("time_known", [True, False])
def test_trimmed__leaves_away_what_no_window_reaches(crop, time_known):
    options = NOTHING | {"crop": crop, "scaling": 0.2, "magnitude_warp": 0.1, "time_warp": 0.3}
    spec = tf.TensorSpec((300, 40 if time_known else None, 2))
    whole, trimmed = (compiled(SequenceViews(**options, trimmed=there), spec) for there in (False, True))
    kept = {(0.3, 0.6): 24, (0.01, 0.02): 2}.get(crop, 40)
    for one, other in zip(whole(SERIES), trimmed(SERIES), strict=True):
        assert other.shape == (300, kept, 2)
        np.testing.assert_allclose(other, one[:, :kept], rtol=1e-5)
        assert not np.any(one[:, kept:])


def test_crop__keeps_two_steps_where_there_are_two():
    short = np.zeros((50, 6, 1), "float32")
    short[:, :3], short[::2, 1:] = 1.0, 0.0
    view, _ = pair(short, crop=(0.01, 0.1))
    np.testing.assert_array_equal(lengths_of(view), np.tile([1, 2], 25))


def test_time_warp__is_monotone_within_its_speeds_and_keeps_both_ends():
    for view in pair(time_warp=0.6):
        np.testing.assert_array_equal(lengths_of(view), LENGTHS)
        for series, length in zip(view[..., 0], LENGTHS, strict=True):
            np.testing.assert_allclose(series[[0, length - 1]], [10, 9 + length], atol=1e-4)
            speed = np.diff(series[:length])
            assert speed.min() > 0.4 - 1e-3
            assert speed.max() < 1.6 + 1e-3
    assert np.abs(view - SERIES)[..., 0].max() > 0.5


def test_warp__at_its_extremes_still_goes_forward():
    place = tf.linspace(0.0, 1.0, 500)[tf.newaxis]
    for draws in (tf.zeros((1, WAVES)), tf.ones((1, WAVES)), tf.constant([[0.0, 1.0] * (WAVES // 2)])):
        found = warped(draws, place, 0.99).numpy()[0]
        assert np.diff(found).min() > 0
        np.testing.assert_allclose(found[[0, -1]], [0, 1], atol=1e-6)


def test_scaling__is_one_factor_a_channel_about_its_mean():
    mean, _ = per_channel(SERIES)
    first, second = pair(scaling=0.3)
    logs = [np.log(np.where(REAL[..., None], (view - mean) / (SERIES - mean), 1.0)) for view in (first, second)]
    steps = np.abs(SERIES - mean) > 1.0
    for found in logs:
        for series, kept, length in zip(found, steps, LENGTHS, strict=True):
            for channel in range(2):
                assert np.ptp(series[:length, channel][kept[:length, channel]]) < 1e-3
    first_of = steps.argmax(axis=1)[:, np.newaxis]
    factors = np.take_along_axis(logs[0], first_of, axis=1)[:, 0]
    assert factors.std() == pytest.approx(0.3, rel=0.1)
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.2


def test_magnitude_warp__is_a_smooth_curve_around_one():
    mean, _ = per_channel(SERIES)
    view, _ = pair(magnitude_warp=0.2)
    steps = np.abs(SERIES - mean) > 1.0
    logs = np.where(steps & REAL[..., None], np.log(np.abs((view - mean) / (SERIES - mean))), np.nan)
    assert np.nanstd(logs) == pytest.approx(0.2, rel=0.1)
    assert np.nanmean(logs) == pytest.approx(0.0, abs=0.03)
    assert np.nanstd(np.diff(logs, axis=1)) < 0.5 * np.nanstd(logs)  # of independent numbers 1.4


def test_smooth_curves__have_the_same_spread_everywhere():
    place = np.tile(np.linspace(0, 1, 9, dtype="float32"), (4000, 1))
    curves = smooth_curves(tf.random.stateless_normal((4000, 2 * WAVES, 1), (1, 2)), place).numpy()
    np.testing.assert_allclose(curves.std(axis=0), 1.0, atol=0.05)


def test_jitter__is_in_units_of_each_channels_deviation_over_real_steps():
    _, deviation = per_channel(SERIES)
    view, other = pair(jitter=0.5)
    for channel in range(2):
        noise = (view - SERIES)[..., channel][REAL]
        assert noise.std() == pytest.approx(0.5 * deviation[channel], rel=0.05)
        assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.05
    assert np.mean(view[REAL] == other[REAL]) < 0.01


@pytest.mark.parametrize("span", [1, 5])
def test_masking__puts_the_channels_mean_into_its_share_of_steps(span):
    mean, _ = per_channel(SERIES)
    view, _ = pair(masking=0.3, span=span)
    masked = (view != SERIES).all(axis=-1)
    assert masked[REAL].mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_allclose(view[masked], np.broadcast_to(mean, (masked.sum(), 2)), rtol=1e-5)
    np.testing.assert_array_equal(lengths_of(view), LENGTHS)
    # A run of several is half as often begun and ended.
    assert np.mean(np.diff(masked[:, :10].astype(int), axis=1) != 0) == pytest.approx(2 * 0.3 * 0.7 / span, rel=0.2)


def test_padding__stays_exactly_zero_and_no_step_turns_into_padding():
    """Also where the mean that masks, and the last step of a window, are zero in every channel."""
    events = np.zeros((200, 30, 2), "float32")
    events[:, ::7], events[:, 20], events[:, 21:] = 1.0, -1.0, 0.0
    events[:, :21] -= events[:, :21].mean(axis=(0, 1))
    for series, options in ((events, {"masking": 0.9}), (np.abs(events.round()), {"crop": (0.3, 0.9)})):
        view, _ = pair(series, **options)
        if "masking" in options:
            np.testing.assert_array_equal(lengths_of(view), lengths_of(series))
        else:
            assert lengths_of(view).min() >= 6
    for view in EVERYTHING(SERIES, seed=(3, 4)):
        assert np.all(lengths_of(np.asarray(view)) <= LENGTHS)
        assert not np.asarray(view)[~REAL].any()


def test_series_of_padding_only__stay_padding_only_but_for_a_trace_and_give_no_nan():
    series = SERIES.copy()
    series[3] = 0.0
    for given in (series, np.zeros_like(series)):
        for view in EVERYTHING(given, seed=(1, 2)):
            assert np.isfinite(view).all()
            assert not np.asarray(view)[3].any()


def test_views__are_a_function_of_the_seed_and_the_same_compiled():
    eager = EVERYTHING(SERIES, seed=(1, 2))
    for jit in (False, True):
        compiled = tf.function(EVERYTHING, jit_compile=jit)(tf.constant(SERIES), tf.constant([1, 2]))
        for ours, theirs in zip(eager, compiled, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-3)
    for other in (EVERYTHING(SERIES, seed=(1, 3))[0], eager[1]):
        assert np.mean(np.asarray(other)[:, :5] != np.asarray(eager[0])[:, :5]) > 0.9


def test_views__of_two_replicas_are_those_of_one_device():
    expected = EVERYTHING(SERIES, seed=(1, 2))[0]
    strategy = two_devices()
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(SERIES, 2)[context.replica_id_in_sync_group])
    )
    run = tf.function(lambda parts: strategy.run(lambda part: EVERYTHING(part, tf.constant([1, 2]))[0], [parts]))
    found = np.concatenate(strategy.experimental_local_results(run(parts)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"crop": (0.0, 1.0)}, "`crop` must be two shares"),
        ({"crop": (0.8, 0.5)}, "`crop` must be two shares"),
        ({"crop": 0.5}, "`crop` must be two shares"),
        ({"jitter": -1}, "`jitter` must be 0 or more"),
        ({"scaling": -1}, "`scaling` must be 0 or more"),
        ({"magnitude_warp": float("nan")}, "`magnitude_warp` must be 0 or more"),
        ({"time_warp": 1.0}, r"`time_warp` must be in \[0, 1\)"),
        ({"masking": 1.5}, r"`masking` must be in \[0, 1\]"),
        ({"span": 0}, "`span` must be a positive integer"),
    ],
)
def test_options__out_of_their_range_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        SequenceViews(**options)


@pytest.mark.parametrize(
    ("series", "sentence"),
    [
        (SERIES[0], r"of shape \(batch, time, channels\)"),
        (SERIES.astype(str), "series of numbers"),
        (SERIES * np.float32("nan"), "`x` must be finite: fill gaps"),
        (SERIES[:, :1], "two steps or more"),
        (SERIES * (np.arange(300) > 2)[:, None, None], "3 of 300 series without one"),
    ],
)
def test_series__that_are_none_are_refused(series, sentence):
    with pytest.raises(ValueError, match=sentence):
        SequenceViews().check(series)
