"""Series of numbers: what stands in front of networks, the networks, and training on them."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, moved, two_devices, weights_of

import byol_keras as bk
from byol_keras.encoders import recurrent, temporal_conv
from byol_keras.layers import MaskedConv1D, Steps
from byol_keras.views import SequenceViews

SERIES = np.random.default_rng(0).normal(size=(6, 20, 2)).astype("float32")
# Long, padded, of one step, of none, with a step of zeros in the middle, and padded behind such a step.
SERIES[1, 13:] = SERIES[2, 1:] = SERIES[3] = SERIES[4, 5] = SERIES[5, 8] = SERIES[5, 10:] = 0.0
LENGTHS = [20, 13, 1, 0, 20, 10]
STATISTICS = ([0.5, -1.0], [2.0, 0.3])

ENCODERS = {
    "simple": lambda: recurrent((None, 2), "simple", (8,), statistics=STATISTICS),
    "gru": lambda: recurrent((None, 2), "gru", (6, 8), statistics=STATISTICS),
    "lstm": lambda: recurrent((None, 2), "lstm", (8,), bidirectional=True, statistics=STATISTICS),
    "unrolled": lambda: recurrent((20, 2), "gru", (8,), unroll=True),
    "conv": lambda: temporal_conv((None, 2), (6, 8), statistics=STATISTICS),
    "layer": lambda: temporal_conv((None, 2), (4, 6, 8), 3, 3, "layer", statistics=STATISTICS),
}


def padded(series, steps):
    return np.pad(series, ((0, 0), (0, steps), (0, 0)))


def test_steps__scales_data_and_leaves_padding_at_zero():
    found = Steps(*STATISTICS)(SERIES).numpy()
    for series, given, length in zip(found, SERIES, LENGTHS, strict=True):
        np.testing.assert_allclose(series[:length], (given[:length] - STATISTICS[0]) / STATISTICS[1], rtol=1e-5)
        assert not series[length:].any()


def test_steps__masks_the_run_of_zeros_at_the_end_only():
    mask = Steps().compute_mask(tf.constant(SERIES)).numpy()
    # What has no step counts as one, so that nobody divides by 0.
    np.testing.assert_array_equal(mask.sum(axis=1), np.maximum(LENGTHS, 1))
    assert np.all(mask[:, :-1] >= mask[:, 1:])


def test_steps__masks_for_every_layer_behind_it():
    inputs = keras.Input((None, 2))
    steps = Steps()(inputs)
    both = [keras.layers.GlobalAveragePooling1D()(steps), keras.layers.GRU(3)(steps)]
    for short, long in zip(*(keras.Model(inputs, both)(x) for x in (SERIES, padded(SERIES, 5))), strict=True):
        np.testing.assert_allclose(short, long, atol=1e-6)
        assert np.isfinite(short).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"deviation": [1.0, 0.0]}, "`deviation` must be positive in every channel. Received: 0.0 in one"),
        ({"deviation": [1.0, float("nan")]}, "`deviation` must be positive in every channel. Received: nan in one"),
        ({"mean": [1.0, float("inf")]}, "`mean` must be finite in every channel. Received: inf in one"),
        ({"mean": [1.0]}, "`mean` must have one number for each of the 2 channels. Received: 1"),
        ({"deviation": [1.0] * 3}, "`deviation` must have one number for each of the 2 channels. Received: 3"),
    ],
)
def test_steps__refuses_statistics_that_fit_no_channels(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Steps(**options)(SERIES)


@pytest.mark.parametrize(("kernel", "strides"), [(1, 1), (1, 2), (3, 1), (4, 2), (5, 3), (3, 4)])
def test_masked_conv__is_centred_and_reads_zeros_around_the_series(kernel, strides):
    layer = MaskedConv1D(3, kernel, strides)
    mask = np.arange(20) < np.array(LENGTHS)[:, np.newaxis]
    found = layer(tf.where(mask[..., np.newaxis], SERIES, 99.0), mask=tf.constant(mask)).numpy()
    assert found.shape == layer.compute_output_shape((6, 20, 2)) == (6, -(-20 // strides), 3)
    clean = np.pad(SERIES, ((0, 0), ((kernel - 1) // 2, kernel), (0, 0)))
    weights, bias = layer.get_weights()
    for number in range(found.shape[1]):
        window = clean[:, number * strides : number * strides + kernel]
        np.testing.assert_allclose(found[:, number], np.einsum("ntc,tcf->nf", window, weights) + bias, atol=1e-5)
    np.testing.assert_array_equal(layer.compute_mask(None, tf.constant(mask)), mask[:, ::strides])


def test_masked_conv__of_one_step_has_no_strided_convolution():
    """Whose gradient corrupts memory in oneDNN where there are few channels."""
    call = tf.function(MaskedConv1D(16, 1, 2)).get_concrete_function(tf.TensorSpec((2, 128, 8)))
    strides = [node.get_attr("strides") for node in call.graph.get_operations() if node.type == "Conv2D"]
    assert strides == [[1, 1, 1, 1]]


@pytest.mark.parametrize("options", [{"padding": "same"}, {"padding": "causal"}, {"data_format": "channels_first"}])
def test_masked_conv__refuses_another_padding_than_its_own(options):
    with pytest.raises(ValueError, match="`padding` and `data_format` must be left out"):
        MaskedConv1D(4, 3, **options)


def test_recurrent__is_made_in_bfloat16():
    keras.config.set_dtype_policy("bfloat16")
    assert np.isfinite(recurrent((20, 2), "gru", (8,))(SERIES)).all()


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "unrolled"])
def test_encoders__do_not_see_how_much_padding_there_is(name):
    encoder = moved(ENCODERS[name]())
    found = encoder(SERIES).numpy()
    assert found.shape == (6, 16 if name == "lstm" else 8)
    assert np.isfinite(found).all()
    for more in (1, 2, 11):
        np.testing.assert_allclose(encoder(padded(SERIES, more)), found, atol=1e-5)
    # And each series for itself, without any.
    np.testing.assert_allclose(encoder(SERIES[1:2, :13]), found[1:2], atol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders__come_back_from_their_files_and_compile(name, tmp_path):
    encoder = moved(ENCODERS[name]())
    encoder.save(tmp_path / "encoder.keras")
    revived = keras.models.load_model(tmp_path / "encoder.keras")
    wanted = encoder(SERIES)
    np.testing.assert_allclose(revived(SERIES), wanted, atol=1e-6)
    for jit in (False, True):
        compiled = tf.function(encoder, jit_compile=jit)(tf.constant(SERIES))
        np.testing.assert_allclose(compiled, wanted, atol=1e-5)


def test_unrolled__gives_what_the_loop_gives():
    looped, unrolled = recurrent((20, 2), units=(8,)), recurrent((20, 2), units=(8,), unroll=True)
    unrolled.set_weights(looped.get_weights())
    np.testing.assert_allclose(unrolled(SERIES), looped(SERIES), atol=1e-6)


def test_batch_statistics__are_those_of_real_steps():
    means = []
    for series in (SERIES, padded(SERIES, 30)):
        keras.utils.set_random_seed(0)
        encoder = temporal_conv((None, 2), (4,))
        encoder(series, training=True)
        means.append([weight.numpy() for weight in encoder.non_trainable_weights])
    assert_same(*means, atol=1e-5)


def test_batch_statistics__of_two_replicas_are_those_of_one_device():
    strategy, found = two_devices(), []
    for scope in (contextlib.nullcontext(), strategy.scope()):
        keras.utils.set_random_seed(0)
        with scope:
            encoder = temporal_conv((None, 2), (4,), synchronized=True)
        if not found:
            outputs = encoder(SERIES, training=True)
        else:
            parts = strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(np.split(SERIES, 2)[context.replica_id_in_sync_group])
            )
            run = tf.function(lambda parts: strategy.run(lambda part: encoder(part, training=True), [parts]))  # noqa: B023
            outputs = np.concatenate(strategy.experimental_local_results(run(parts)))
        found.append([np.asarray(outputs), *(weight.numpy() for weight in encoder.non_trainable_weights)])
    assert_same(*found, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: recurrent(10), "input_shape"),
        (lambda: recurrent((10, None)), "input_shape"),
        (lambda: temporal_conv((0, 1)), "input_shape"),
        (lambda: recurrent((10, 1), cell="rnn"), "cell"),
        (lambda: recurrent((10, 1), units=()), "units"),
        (lambda: recurrent((10, 1), units=(8, 0)), "units"),
        (lambda: recurrent((None, 1), unroll=True), "unroll"),
        (lambda: recurrent((10, 1), statistics=([0.0], [0.0])), "deviation"),
        (lambda: temporal_conv((10, 1), widths=()), "widths"),
        (lambda: temporal_conv((10, 1), widths=(1.5,)), "widths"),
        (lambda: temporal_conv((10, 1), kernel=0), "kernel"),
        (lambda: temporal_conv((10, 1), strides=0), "strides"),
        (lambda: temporal_conv((10, 1), normalization="group"), "normalization"),
    ],
)
def test_encoders__refuse_what_makes_no_network(build, name):
    with pytest.raises(ValueError, match=f"`{name}` (must|needs)"):
        build()


@pytest.mark.parametrize("cell", ["simple", pytest.param("gru", marks=pytest.mark.long)])
def test_thousand_steps__train_with_finite_gradients(cell):
    """With recurrent weights that let a state grow, as training may make them, where only clipping helps."""
    encoder = recurrent((1000, 1), cell, (8,))
    series = np.random.default_rng(0).normal(size=(8, 1000, 1)).astype("float32")
    for weight in encoder.trainable_weights:
        if weight.name == "recurrent_kernel":
            weight.assign(1.5 * weight)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(series) ** 2)
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(loss, encoder.trainable_weights))
    model = bk.BYOL(encoder, views=SequenceViews())
    model.compile(keras.optimizers.AdamW(1e-3, global_clipnorm=1.0))
    before = weights_of(encoder)
    history = model.fit(series, epochs=2, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for weight, old in zip(encoder.trainable_weights, before, strict=True):
        assert 0 < np.abs(weight - old).max() < 0.1


def rhythms(count=1200, time=32):
    """Two beats in a bar of eight, one to four apart: at any phase, height and offset, of any length, in noise."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, count)
    bars = np.eye(8)[0] + np.eye(8)[1:5]
    beats = bars[labels[:, np.newaxis], (np.arange(time) + draw.integers(0, 8, (count, 1))) % 8]
    heights, offsets = np.exp(0.3 * draw.normal(size=(count, 1))), 0.2 * draw.normal(size=(count, 1))
    series = heights * beats + offsets + 0.2 * draw.normal(size=(count, time))
    series *= np.arange(time) < draw.integers(24, time + 1, (count, 1))
    return series[..., np.newaxis].astype("float32"), labels


@pytest.mark.long
def test_training__on_series_learns_their_rhythm():
    series, labels = rhythms()
    real = series[series != 0.0]
    encoder = recurrent(series.shape[1:], "gru", (64,), statistics=([real.mean()], [real.std()]))
    # Windows that share few steps: what both views have in common is the rhythm then, and not the noise.
    model = bk.BYOL(encoder, views=SequenceViews((0.3, 0.6), jitter=0.3, scaling=0.3))
    model.compile(keras.optimizers.AdamW(5e-3, global_clipnorm=1.0))
    untrained = bk.evaluation.untrained(encoder, seed=0)
    model.fit(series, epochs=20, batch_size=64, verbose=0, callbacks=[bk.callbacks.TargetEMA(0.97, "constant")])
    errors = {}
    for name, network in (("untrained", untrained), ("BYOL", model.encoder)):
        features = bk.evaluation.extract_features(network, series)
        errors[name] = 1.0 - bk.evaluation.linear_probe(features[:800], labels[:800], features[800:], labels[800:])
    assert errors["BYOL"] < 0.7 * errors["untrained"], errors
