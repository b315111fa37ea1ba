"""Who moves the target when there is no callback: the step, where that was handed over, or nobody."""

import warnings

import keras
import pytest
from builders import assert_same, vector_byol, vectors, weights_of

from byol_keras.callbacks import TargetEMA


def fit(model, tau):
    model.fit(vectors(32), batch_size=8, callbacks=[TargetEMA(tau, "constant")], verbose=0)


def fitted_in_step(tau=0.5):
    model = vector_byol(compile_options={"steps_per_execution": 2})
    fit(model, tau)
    assert model.moves_target_in_step
    return model


def test_compile__takes_the_target_out_of_the_step():
    model = fitted_in_step()
    model.compile(keras.optimizers.SGD(0.1))
    assert not model.moves_target_in_step
    before = weights_of(model.target_projector)[0]
    model.train_on_batch(vectors(8))
    assert_same(weights_of(model.target_projector)[:1], [before])
    with pytest.warns(UserWarning, match="`train_on_batch` leaves the target frozen"):
        model.train_on_batch(vectors(8))


def test_compile__lets_a_later_fit_hand_the_same_schedule_over_again():
    model = fitted_in_step(tau=0.0)
    model.compile(keras.optimizers.SGD(0.1), steps_per_execution=2)
    model.train_on_batch(vectors(8))
    fit(model, tau=0.0)
    assert_same(weights_of(model.target_projector)[:1], weights_of(model.projector)[:1])


def test_fit__of_another_length_keeps_the_step_of_a_constant_tau():
    model = fitted_in_step()
    step = model.train_function
    model.fit(vectors(48), batch_size=8, callbacks=[TargetEMA(0.5, "constant")], verbose=0)
    assert model.train_function is step
    model.fit(vectors(48), batch_size=8, callbacks=[TargetEMA(0.25, "constant")], verbose=0)
    assert model.train_function is not step


def test_train_on_batch__does_not_warn_where_the_step_moves_the_target():
    model = fitted_in_step()
    before = weights_of(model.target_projector)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            model.train_on_batch(vectors(8))
    assert abs(weights_of(model.target_projector)[0] - before).max() > 1e-6
