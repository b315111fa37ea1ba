import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import two_devices

from byol_keras import losses
from byol_keras.evaluation import normalized_std


@pytest.mark.parametrize(("target", "expected"), [([2.0, 0.0], 0.0), ([0.0, 3.0], 2.0), ([-1.0, 0.0], 4.0)])
def test_regression_loss__aligned_orthogonal_opposite(target, expected):
    np.testing.assert_allclose(losses.regression_loss([[1.0, 0.0]], [target]), [expected], atol=1e-6)


def test_regression_loss__is_unchanged_by_positive_scaling_of_either_side():
    generator = np.random.default_rng(0)
    prediction, target = generator.normal(size=(2, 8, 5)).astype("float32")
    loss = losses.regression_loss(prediction, target)
    assert loss.shape == (8,)
    np.testing.assert_allclose(losses.regression_loss(1e-3 * prediction, target), loss, atol=1e-5)
    np.testing.assert_allclose(losses.regression_loss(prediction, 1e3 * target), loss, atol=1e-5)


def test_regression_loss__equals_squared_distance_of_unit_vectors():
    generator = np.random.default_rng(0)
    prediction, target = generator.normal(size=(2, 8, 5)).astype("float32")
    distance = [
        np.sum((p / np.linalg.norm(p) - t / np.linalg.norm(t)) ** 2) for p, t in zip(prediction, target, strict=True)
    ]
    np.testing.assert_allclose(losses.regression_loss(prediction, target), distance, atol=1e-5)


def test_regression_loss__survives_serialisation_by_name():
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(losses.regression_loss))
    assert revived is losses.regression_loss


def test_normalized_std__is_one_on_the_sphere_and_zero_on_a_point():
    spread = tf.random.stateless_normal((20_000, 64), seed=(0, 1))
    np.testing.assert_allclose(normalized_std(spread), 1.0, atol=0.01)
    np.testing.assert_allclose(normalized_std(5.0 * spread), normalized_std(spread), atol=1e-5)
    assert float(normalized_std(tf.ones((16, 64)))) == 0.0


def test_normalized_std__falls_as_vectors_draw_together():
    spread = tf.random.stateless_normal((1000, 16), seed=(0, 1))
    values = [float(normalized_std(spread + shift)) for shift in (0.0, 1.0, 3.0, 10.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.2


def vectors(seed=0, shape=(8, 5)):
    return np.random.default_rng(seed).normal(size=(2, *shape)).astype("float32")


@pytest.mark.parametrize("name", ["byol", "infonce", "mse", "squared", "temperature"])
def test_loss__of_every_name_is_lowest_where_views_agree_and_survives_serialisation(name):
    loss = losses.named(name)
    prediction, target = vectors()
    assert loss(prediction, target).shape == (8,)
    assert np.all(loss(target, target) < loss(prediction, target))
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    np.testing.assert_array_equal(revived(prediction, target), loss(prediction, target))


def test_named__suggests_the_nearest():
    with pytest.raises(ValueError, match="Did you mean `infonce`"):
        losses.named("info-nce")
    with pytest.raises(ValueError, match="`temperature` must be positive"):
        losses.InfoNCE(0.0)


def test_squared_similarity__and_temperature_are_functions_of_the_paper_s_loss():
    prediction, target = vectors()
    distance = losses.regression_loss(prediction, target).numpy() / 2
    np.testing.assert_allclose(losses.squared_similarity(prediction, target), distance**2 / 2, atol=1e-6)
    np.testing.assert_allclose(losses.Temperature(0.25)(prediction, target), 4 * distance, atol=1e-5)


def test_infonce__equals_its_formula():
    prediction, target = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in vectors())
    scores = np.exp(prediction @ target.T / 0.2)
    expected = -np.log(np.diag(scores) / scores.sum(axis=1))
    np.testing.assert_allclose(losses.InfoNCE(0.2)(prediction, target), expected, rtol=1e-5)
    compiled = tf.function(losses.InfoNCE(0.2), jit_compile=True)
    np.testing.assert_allclose(compiled(prediction, target), expected, rtol=1e-5)


@pytest.mark.parametrize("first", [4, 5, 8])
def test_infonce__on_two_replicas_has_the_negatives_of_both_however_they_share(first):
    prediction, target = vectors()
    expected = losses.InfoNCE(0.2)(prediction, target)
    strategy = two_devices()
    loss = losses.InfoNCE(0.2)

    def shares(array):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(np.split(array, [first])[context.replica_id_in_sync_group])
        )

    @tf.function
    def run(*parts):
        return strategy.run(loss, parts)

    found = strategy.experimental_local_results(run(shares(prediction), shares(target)))
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5)
