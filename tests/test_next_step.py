"""Prediction of the next step: laws, numbers by hand, and states that become a representation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, recurrent_states, weights_of

import byol_keras as bk
from byol_keras.baselines import LastStep, NextStep
from byol_keras.baselines.series import weights_of_steps
from byol_keras.evaluation.health import normalized_std


def sines(count, time=24, seed=0):
    """Unit-variance waves of any phase, and of one of three frequencies."""
    draw = np.random.default_rng(seed)
    kinds = draw.integers(0, 3, count)
    phase, frequency = draw.uniform(0, 2 * np.pi, count), np.array([0.3, 0.6, 1.2])[kinds]
    waves = np.sqrt(2) * np.sin(phase[:, None] + frequency[:, None] * np.arange(time))
    return waves[..., None].astype("float32"), kinds


def evaluated(model, series):
    model.compile("sgd")
    return model.evaluate(series, verbose=0, return_dict=True)


def random_series(count=6, time=7, channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, time, channels)).astype("float32")


SHORTER = [7, 4, 1, 0, 7, 2]


def shortened(series):
    return np.stack([np.where(np.arange(7)[:, None] < n, row, 0.0) for n, row in zip(SHORTER, series, strict=True)])


@pytest.mark.parametrize("horizon", [1, 3])
def test_loss__is_the_formula_over_real_steps(horizon):
    series = shortened(random_series()).astype("float32")
    mean, deviation = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    model = NextStep(recurrent_states(2), horizon, temporal=0.3, statistics=(mean, deviation))
    states, predictions = np.asarray(model.states(series)), model.predict(series, verbose=0)
    centred = states - np.concatenate([row[:n] for n, row in zip(SHORTER, states, strict=True)]).mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=-1, keepdims=True)
    wrong, moved = [], []
    for row, (length, values) in enumerate(zip(SHORTER, series, strict=True)):
        errors = [
            np.mean(((predictions[row, t] - values[t + horizon]) / deviation) ** 2) for t in range(length - horizon)
        ]
        steps = [np.sum((unit[row, t + 1] - unit[row, t]) ** 2) for t in range(length - 1)]
        wrong.append(np.mean(errors) if errors else 0.0)
        moved.append(np.mean(steps) if steps else 0.0)
    found = evaluated(model, series)
    assert found["prediction"] == pytest.approx(np.mean(wrong), rel=1e-5)
    assert found["temporal"] == pytest.approx(np.mean(moved), rel=1e-4)
    assert found["loss"] == pytest.approx(np.mean(wrong) + 0.3 * np.mean(moved), rel=1e-5)


def test_padding__changes_neither_loss_nor_training_nor_representation():
    series = shortened(random_series()).astype("float32")
    padded = np.pad(series, ((0, 0), (0, 5), (0, 0)))
    model = NextStep(recurrent_states(2))
    other = keras.models.clone_model(model.states)
    other = NextStep(other)
    other.set_weights(model.get_weights())
    for each, data in ((model, series), (other, padded)):
        each.compile(keras.optimizers.SGD(0.1))
        each.fit(data, epochs=3, batch_size=6, verbose=0)
    assert_same(weights_of(model), weights_of(other), atol=1e-6)
    np.testing.assert_allclose(model.encoder(series), model.encoder(padded), atol=1e-6)


def test_last_step__is_the_one_before_the_padding():
    series = shortened(random_series()).astype("float32")
    series[4, 3] = 0.0  # silence with more to come
    assert np.sum(weights_of_steps(tf.constant(series)), axis=1).tolist() == SHORTER
    states = random_series(seed=1)
    wanted = [states[row, max(length - 1, 0)] for row, length in enumerate(SHORTER)]
    np.testing.assert_array_equal(LastStep()([series, states]), wanted)
    compiled = tf.function(LastStep(), jit_compile=True)([tf.constant(series), tf.constant(states)])
    np.testing.assert_array_equal(compiled, wanted)


@pytest.fixture(scope="module")
def learned():
    """A model of waves, and how far the errors fell."""
    keras.utils.set_random_seed(0)
    model = NextStep(recurrent_states(features=24, time=24))
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(sines(512)[0], epochs=25, batch_size=64, verbose=0)
    return model


def test_waves__are_told_far_better_than_by_repeating_the_last_step(learned):
    series, _ = sines(200, seed=1)
    predicted = learned.predict(series, verbose=0)[:, 4:-1]
    error, repeating = np.mean((predicted - series[:, 5:]) ** 2), np.var(np.diff(series[:, 4:], axis=1))
    assert error < 0.2 * repeating


def test_states__know_the_frequency_and_have_not_collapsed(learned):
    (bank, labels), (queries, truth) = sines(400, seed=2), sines(200, seed=3)
    features = [bk.evaluation.extract_features(learned.encoder, part) for part in (bank, queries)]
    assert bk.evaluation.linear_probe(features[0], labels, features[1], truth) > 0.9
    assert float(normalized_std(features[0])) > 0.35


def test_temporal__makes_states_slower_and_leaves_them_spread():
    """Were the mean of the states not taken off, one direction common to all would be the way to slowness."""
    series, _ = sines(256)
    change, spread = {}, {}
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        model = NextStep(recurrent_states(features=8, time=24), temporal=weight)
        model.compile(keras.optimizers.Adam(0.01))
        change[weight] = model.fit(series, epochs=8, batch_size=32, verbose=0).history["temporal"][-1]
        spread[weight] = float(normalized_std(model.encoder(series)))
    assert change[1.0] < 0.6 * change[0.0]
    assert spread[1.0] > 0.8 * spread[0.0]


def test_training__compiles_under_xla_to_the_same_numbers():
    def trained(**options):
        keras.utils.set_random_seed(1)
        model = NextStep(recurrent_states(2, time=7))
        model.compile(keras.optimizers.SGD(0.1), **options)
        model.fit(shortened(random_series()).astype("float32"), epochs=2, batch_size=3, verbose=0)
        return weights_of(model)

    assert_same(trained(jit_compile=True), trained(jit_compile=False), atol=1e-5)


def test_file__brings_back_everything(tmp_path):
    series = random_series()
    model = NextStep(recurrent_states(2), horizon=2, temporal=0.5, statistics=([0.0, 1.0], [1.0, 2.0]))
    model.compile("adam")
    model.fit(series, batch_size=3, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    revived = keras.models.load_model(tmp_path / "model.keras")
    assert_same(weights_of(model), weights_of(revived))
    np.testing.assert_array_equal(model.encoder(series), revived.encoder(series))
    assert (revived.horizon, revived.temporal) == (2, 0.5)
    for each in (model, revived):
        each.fit(series, batch_size=3, epochs=1, verbose=0)
    assert_same(weights_of(model), weights_of(revived), atol=1e-6)


def test_encoder__is_one_like_any_other(tmp_path):
    series, labels = sines(60)
    encoder = NextStep(recurrent_states(time=24)).encoder
    encoder.save(tmp_path / "encoder.keras")
    wanted = encoder(series)
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "encoder.keras")(series), wanted)
    served = tf.saved_model.load(bk.export.saved_model(encoder, tmp_path / "series"))
    name = encoder.inputs[0].name
    answer = served.signatures["serving_default"](**{name: tf.constant(series)})["representation"]
    np.testing.assert_allclose(answer, wanted, atol=1e-4)
    classifier = bk.finetune(encoder, 3)
    classifier.fit_head(series, labels)
    assert classifier.predict(series, verbose=0).shape == (60, 3)


def test_states__must_be_causal():
    both_ways = keras.Sequential(
        [keras.Input((7, 2)), keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True))]
    )
    with pytest.raises(ValueError, match="`states` must be causal"):
        NextStep(both_ways)
    with pytest.raises(ValueError, match="`states` must be causal"):
        NextStep(keras.Sequential([keras.Input((7, 2)), keras.layers.Conv1D(3, 3, padding="same")]))
    NextStep(keras.Sequential([keras.Input((7, 2)), keras.layers.Conv1D(3, 3, padding="causal")]))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"horizon": 0}, "`horizon` must be a positive"), ({"temporal": -0.1}, "`temporal` must be 0 or more")],
)
def test_settings__out_of_range_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        NextStep(recurrent_states(), **options)


def test_what_gives_no_state_per_step__is_refused():
    last_only = keras.Sequential([keras.Input((7, 2)), keras.layers.GRU(3)])
    with pytest.raises(ValueError, match=r"`states` must be .* with `return_sequences=True`"):
        NextStep(last_only)
    model = NextStep(recurrent_states(2), horizon=7)
    model.compile("sgd")
    with pytest.raises(ValueError, match="`horizon` must be less than the 7 steps"):
        model.fit(random_series(), batch_size=3)


def test_states__whose_input_comes_in_a_list_are_taken():
    states = recurrent_states(2)
    in_a_list = NextStep(keras.Model([states.input], states.output))
    series = random_series()
    np.testing.assert_allclose(in_a_list.encoder(series), NextStep(states).encoder(series), atol=1e-6)
    assert np.isfinite(evaluated(in_a_list, series)["loss"])
