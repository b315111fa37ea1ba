"""TargetEMA: what moves the target, how far, and when."""

import inspect
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras.callbacks import TargetEMA


def parameters(encoder, projector):
    return [v.numpy() for v in encoder.trainable_variables + projector.trainable_variables]


def online(model):
    return parameters(model.encoder, model.projector)


def target(model):
    return parameters(model.target_encoder, model.target_projector)


def test_target__starts_as_a_copy_statistics_included():
    encoder_statistics = np.linspace(0.1, 0.8, 16, dtype="float32")
    model = vector_byol()
    model.encoder.layers[1].moving_mean.assign(encoder_statistics)
    again = bk.BYOL(model.encoder, views=model.views)
    assert_same(weights_of(again.encoder), weights_of(again.target_encoder))
    np.testing.assert_array_equal(again.target_encoder.layers[1].moving_mean, encoder_statistics)
    assert not {id(v) for v in again.encoder.weights} & {id(v) for v in again.target_encoder.weights}


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.9, 1.0])
def test_update_target__equals_the_formula_for_every_parameter(tau):
    model = vector_byol()
    for variable in model.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    ours, before = online(model), target(model)
    model.update_target(tau)
    expected = [t + (1 - tau) * (o - t) for o, t in zip(ours, before, strict=True)]
    assert_same(target(model), expected, atol=1e-6)
    if tau in (0.0, 1.0):
        assert_same(target(model), ours if tau == 0.0 else before)


def test_update_target__equals_the_closed_form_after_k_steps():
    """With a constant online network, k updates leave the share prod(tau) of the first difference."""
    model = vector_byol()
    for variable in model.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    ours, start = online(model), target(model)
    taus = np.linspace(0.5, 0.95, 20)
    for tau in taus:
        model.update_target(float(tau))
    expected = [o + np.prod(taus) * (t - o) for o, t in zip(ours, start, strict=True)]
    assert_same(target(model), expected, atol=1e-5)


def test_update_target__is_traced_once_whatever_tau_is():
    model = vector_byol()
    for tau in (0.1, 0.5, tf.constant(0.7), np.float32(0.9), tf.constant(0.7, tf.float64)):
        model.update_target(tau)
    assert model._move_compiled.experimental_get_tracing_count() == 1


def test_tau_at__is_known_once_the_length_of_the_run_is():
    with pytest.raises(ValueError, match="`total_steps` is not known before `fit` has begun"):
        TargetEMA(0.9).tau_at(1)
    assert float(TargetEMA(0.9, total_steps=2).tau_at(1)) == pytest.approx(0.95)
    assert float(TargetEMA(0.9, "constant").tau_at(1)) == 0.9


@pytest.mark.parametrize("tau", [-0.1, 1.1, float("nan")])
def test_tau__outside_its_range_is_refused(tau):
    with pytest.raises(ValueError, match=rf"`tau` must be in \[0, 1\]. Received: tau={tau}"):
        TargetEMA(tau)
    with pytest.raises(ValueError, match=r"`tau` must be in \[0, 1\]"):
        vector_byol().update_target(tau)


def test_fit__adds_a_target_callback_when_none_is_passed():
    model = vector_byol()
    before = target(model)
    history = model.fit(vectors(64), batch_size=8, epochs=2, verbose=0).history
    assert all(not np.array_equal(b, a) for b, a in zip(before, target(model), strict=True))
    np.testing.assert_allclose(history["tau"], [0.995, 1.0], atol=1e-6)


def test_fit__uses_the_callback_that_was_passed_and_no_other():
    model = vector_byol()
    before = target(model)
    model.fit(vectors(16), batch_size=8, callbacks=[TargetEMA(1.0, "constant")], verbose=0)
    assert_same(before, target(model))
    model.fit(vectors(16), batch_size=8, callbacks=[TargetEMA(0.0, "constant")], verbose=0)
    assert_same(online(model), target(model))


def test_fit__moves_the_target_before_other_callbacks_look():
    model = vector_byol()
    gaps = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: gaps.append(
            max(np.abs(o - t).max() for o, t in zip(online(model), target(model), strict=True))
        )
    )
    model.fit(vectors(16), batch_size=8, callbacks=[look, TargetEMA(0.0, "constant")], verbose=0)
    assert gaps == [0.0, 0.0]


def test_fit__refuses_two_target_callbacks():
    with pytest.raises(ValueError, match=r"`callbacks` must hold one TargetEMA"):
        vector_byol().fit(vectors(16), callbacks=[TargetEMA(), TargetEMA()])


def record_taus(model, monkeypatch):
    taus, update = [], model.update_target
    monkeypatch.setattr(model, "update_target", lambda tau: (taus.append(float(tau)), update(tau)))
    return taus


def test_cosine__is_driven_by_the_optimizer_and_ends_at_one(monkeypatch):
    model = vector_byol()
    taus = record_taus(model, monkeypatch)
    model.fit(vectors(32), batch_size=8, epochs=2, callbacks=[TargetEMA(0.9)], verbose=0)
    expected = [1 - 0.1 * (np.cos(np.pi * k / 8) + 1) / 2 for k in range(1, 9)]
    np.testing.assert_allclose(taus, expected, atol=1e-9)
    assert taus[-1] == 1.0


def test_cosine__over_a_continued_fit_goes_on_where_it_stopped(monkeypatch):
    """K = start + steps * (epochs - initial_epoch), k counted by the optimizer."""
    model = vector_byol()
    taus = record_taus(model, monkeypatch)
    model.fit(vectors(32), batch_size=8, epochs=2, callbacks=[TargetEMA(0.9, total_steps=16)], verbose=0)
    model.fit(vectors(32), batch_size=8, initial_epoch=2, epochs=4, callbacks=[TargetEMA(0.9)], verbose=0)
    expected = [1 - 0.1 * (np.cos(np.pi * k / 16) + 1) / 2 for k in range(1, 17)]
    np.testing.assert_allclose(taus, expected, atol=1e-9)


def test_cosine__that_ends_before_the_run_is_warned_of():
    with pytest.warns(UserWarning, match=r"the target network is frozen from there on"):
        vector_byol().fit(vectors(32), batch_size=8, callbacks=[TargetEMA(total_steps=2)], verbose=0)


def test_cosine__over_a_dataset_of_unknown_length_needs_total_steps():
    data = tf.data.Dataset.from_tensor_slices(vectors(32)).filter(lambda _: True).batch(8)
    model = vector_byol()
    with pytest.raises(ValueError, match=r"`total_steps` is needed for a cosine `tau`"):
        model.fit(data, verbose=0)
    assert int(model.optimizer.iterations) == 0
    model.fit(data, callbacks=[TargetEMA(total_steps=4)], verbose=0)
    model.fit(data, callbacks=[TargetEMA(0.9, "constant")], verbose=0)
    model.fit(data.repeat(), steps_per_epoch=4, verbose=0)
    assert int(model.optimizer.iterations) == 12


def test_accumulation__moves_the_target_once_per_optimizer_step(monkeypatch):
    model = vector_byol(keras.optimizers.SGD(0.1, gradient_accumulation_steps=4))
    taus = record_taus(model, monkeypatch)
    model.fit(vectors(64), batch_size=8, epochs=2, callbacks=[TargetEMA(0.9)], verbose=0)
    expected = [1 - 0.1 * (np.cos(np.pi * k / 4) + 1) / 2 for k in range(1, 5)]
    np.testing.assert_allclose(taus, expected, atol=1e-9)


@pytest.mark.parametrize("accumulation", [None, 2])
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_steps_per_execution__four_equals_one(accumulation, schedule):
    """Nine batches: an epoch ends with a partial execution, and in the middle of an accumulation."""
    results = []
    for steps in (1, 4):
        model = vector_byol(
            keras.optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=accumulation),
            {"steps_per_execution": steps},
        )
        history = model.fit(
            vectors(72), batch_size=8, epochs=2, callbacks=[TargetEMA(0.9, schedule)], verbose=0
        ).history
        assert model.moves_target_in_step == (steps > 1)
        results.append((weights_of(model), history))
    assert_same(results[0][0], results[1][0], atol=1e-6)
    for name, values in results[0][1].items():
        np.testing.assert_allclose(values, results[1][1][name], atol=1e-6, err_msg=name)


def test_steps_per_execution__a_second_fit_takes_its_own_schedule():
    model = vector_byol(compile_options={"steps_per_execution": 2})
    data = vectors(32)
    model.fit(data, batch_size=8, callbacks=[TargetEMA(0.9, "constant")], verbose=0)
    before = target(model)
    model.fit(data, batch_size=8, callbacks=[TargetEMA(1.0, "constant")], verbose=0)
    assert_same(before, target(model))
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(data, batch_size=8, callbacks=[TargetEMA(1.0, "constant")], verbose=0)
    assert_same(before, target(model))
    assert not model.moves_target_in_step


def test_target_ema__stores_its_arguments():
    named = set(inspect.signature(TargetEMA).parameters)
    assert named <= set(vars(TargetEMA(0.5, "constant", 7)))


@pytest.mark.parametrize("arguments", [{"schedule": "linear"}, {"total_steps": 0}])
def test_target_ema__refuses_what_it_does_not_know(arguments):
    with pytest.raises(ValueError, match=rf"`{next(iter(arguments))}` must .* Received"):
        TargetEMA(**arguments)


def test_frozen_layers__stay_equal_in_both_networks():
    model = vector_byol()
    model.encoder.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.1))
    frozen = model.encoder.layers[0].get_weights()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(vectors(32), batch_size=8, verbose=0)
    assert_same(frozen, model.encoder.layers[0].get_weights())
    assert_same(frozen, model.target_encoder.layers[0].get_weights())
    assert not np.array_equal(*[net.layers[3].get_weights()[0] for net in (model.encoder, model.target_encoder)])


def test_frozen_layers__move_again_once_thawed_and_compiled():
    model = vector_byol()
    model.encoder.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(vectors(16), batch_size=8, verbose=0)
    model.encoder.layers[0].trainable = True
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(vectors(16), batch_size=8, callbacks=[TargetEMA(0.0, "constant")], verbose=0)
    assert_same(online(model), target(model))


def two_fits(steps, *callbacks):
    model = vector_byol(compile_options={"steps_per_execution": steps})
    for callback in callbacks:
        model.fit(vectors(32), batch_size=8, callbacks=[callback], verbose=0)
    return weights_of(model)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0.5, "cosine", 8), (0.5, "cosine", 16)),
        ((0.5, "cosine", 8), (0.9, "cosine", 8)),
        ((0.5, "cosine", 8), (0.5, "constant", 8)),
    ],
)
def test_steps_per_execution__a_second_fit_takes_whatever_changed_in_its_schedule(first, second):
    results = [two_fits(steps, TargetEMA(*first), TargetEMA(*second)) for steps in (1, 2)]
    assert_same(*results, atol=1e-6)


def test_accumulation__a_second_fit_waits_for_its_first_optimizer_step(monkeypatch):
    model = vector_byol(keras.optimizers.SGD(0.1, gradient_accumulation_steps=4))
    taus = record_taus(model, monkeypatch)
    for _ in range(2):
        model.fit(vectors(64), batch_size=8, callbacks=[TargetEMA(0.9, "constant")], verbose=0)
    assert len(taus) == int(model.optimizer.iterations) == 4


def test_target_ema__used_in_a_second_fit_counts_its_steps_anew(monkeypatch):
    model, ema = vector_byol(), TargetEMA(0.9)
    taus = record_taus(model, monkeypatch)
    for _ in range(2):
        model.fit(vectors(32), batch_size=8, callbacks=[ema], verbose=0)
    expected = [1 - 0.1 * (np.cos(np.pi * k / (4 if k <= 4 else 8)) + 1) / 2 for k in range(1, 9)]
    np.testing.assert_allclose(taus, expected, atol=1e-9)


def test_cosine__warning_is_for_a_cosine_only(recwarn):
    vector_byol().fit(vectors(32), batch_size=8, callbacks=[TargetEMA(0.9, "constant", 2)], verbose=0)
    assert not [warning for warning in recwarn if "frozen" in str(warning.message)]


def test_train_on_batch__warns_of_a_target_that_nobody_moves():
    model = vector_byol()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            model.train_on_batch(vectors(8))
            model.update_target(0.9)
        model.train_on_batch(vectors(8))
    with pytest.warns(UserWarning, match=r"`train_on_batch` leaves the target frozen: call `update_target"):
        model.train_on_batch(vectors(8))
