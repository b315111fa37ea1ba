import math

import keras
import numpy as np
import pytest

from byol_keras import schedules


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.99), (25, 1 - 0.01 * (math.sqrt(0.5) + 1) / 2), (50, 0.995), (100, 1.0), (150, 1.0)],
)
def test_cosine_tau__follows_the_paper(step, expected):
    np.testing.assert_allclose(schedules.cosine_tau(step, 100, 0.99), expected, rtol=1e-12)


def test_constant_tau__stays():
    assert [float(schedules.constant_tau(step, 10, 0.97)) for step in (0, 5, 20)] == [0.97] * 3


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.0), (5, 0.1), (10, 0.2), (60, 0.1), (35, 0.1 * (1 + math.sqrt(0.5))), (110, 0.0), (200, 0.0)],
)
def test_warmup_cosine__climbs_and_descends(step, expected):
    np.testing.assert_allclose(schedules.warmup_cosine(step, 110, 10, 0.2), expected, atol=1e-7)


def test_warmup_cosine__without_warmup_starts_at_the_peak():
    assert float(schedules.warmup_cosine(0, 100, 0, 0.5)) == 0.5


def test_warmup_cosine_schedule__equals_the_function_and_survives_serialisation():
    schedule = schedules.WarmupCosine(0.2, total_steps=110, warmup_steps=10)
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    for step in (0, 7, 10, 50, 109):
        expected = float(schedules.warmup_cosine(step, 110, 10, 0.2))
        assert float(schedule(step)) == expected
        assert float(revived(step)) == expected


@pytest.mark.parametrize(
    "arguments", [{"total_steps": 0}, {"total_steps": 5, "warmup_steps": 6}, {"total_steps": 5, "warmup_steps": -1}]
)
def test_warmup_cosine_schedule__refuses_impossible_lengths(arguments):
    with pytest.raises(ValueError, match=r"`(total|warmup)_steps` must .* Received"):
        schedules.WarmupCosine(0.1, **arguments)


def test_per_optimizer_step__spans_optimizer_steps_and_survives_serialisation():
    inner = schedules.WarmupCosine(0.2, total_steps=10)
    slow = schedules.PerOptimizerStep(inner, accumulation=4)
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(slow))
    for batch in (0, 3, 4, 39, 40):
        assert float(slow(batch)) == float(inner(batch // 4)) == float(revived(batch))
