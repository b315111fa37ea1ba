"""Signs of health: numbers worked by hand, bounds, and what they must not depend on."""

import numpy as np
import pytest
import tensorflow as tf

from byol_keras.evaluation.health import alignment, effective_rank, normalized_std, representation_health, uniformity

MEASURES = {"normalized_std": normalized_std, "effective_rank": effective_rank, "uniformity": uniformity}


def cloud(count=40, width=6, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width)).astype("float32")


def rotation(width=6):
    return np.linalg.qr(np.random.default_rng(5).normal(size=(width, width)))[0].astype("float32")


@pytest.mark.parametrize("name", ["effective_rank", "uniformity"])
def test_health__does_not_depend_on_rotation(name):
    assert float(MEASURES[name](cloud() @ rotation())) == pytest.approx(float(MEASURES[name](cloud())), abs=1e-4)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1e3, 1e20])
def test_health__does_not_depend_on_scale(name, scale):
    assert float(MEASURES[name](scale * cloud())) == pytest.approx(float(MEASURES[name](cloud())), abs=1e-4)


@pytest.mark.parametrize("name", MEASURES)
def test_health__does_not_depend_on_the_order_of_examples(name):
    assert float(MEASURES[name](cloud()[::-1])) == pytest.approx(float(MEASURES[name](cloud())), abs=1e-5)


@pytest.mark.parametrize(("name", "value"), [("normalized_std", 0.0), ("effective_rank", 1.0), ("uniformity", 0.0)])
def test_health__of_one_direction_is_that_of_a_collapse(name, value):
    lengths = np.arange(1, 9, dtype="float32")[:, None]
    assert float(MEASURES[name](lengths * [[3.0, -1.0, 2.0]])) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_effective_rank__lies_between_one_and_the_smaller_side(shape):
    assert 1.0 < float(effective_rank(cloud(*shape))) < 6.0
    assert float(effective_rank(cloud(*shape))) == pytest.approx(float(effective_rank(cloud(*shape).T)), abs=1e-4)


def test_effective_rank__of_two_unequal_directions_by_hand():
    features = np.diag([3.0, 1.0, 0.0])
    expected = np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    assert float(effective_rank(features)) == pytest.approx(expected, rel=1e-5)


def test_effective_rank__equals_that_of_the_singular_values():
    singular = np.linalg.svd(cloud(), compute_uv=False)
    shares = singular / singular.sum()
    assert float(effective_rank(cloud())) == pytest.approx(np.exp(-np.sum(shares * np.log(shares))), rel=1e-5)


def test_effective_rank__of_nothing_is_one():
    assert float(effective_rank(np.zeros((5, 3)))) == 1.0


def test_alignment__by_hand():
    first = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    second = np.array([[5.0, 0.0], [0.0, 1.0], [0.0, -3.0]])
    assert float(alignment(first, second)) == pytest.approx((0.0 + 2.0 + 4.0) / 3.0)
    assert float(alignment(second, first)) == float(alignment(first, second))


def test_uniformity__by_hand():
    corners = np.array([[2.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])
    assert float(uniformity(corners)) == pytest.approx(np.log((2 * np.exp(-4.0) + np.exp(-8.0)) / 3), rel=1e-5)


def test_uniformity__in_pieces_is_the_same(monkeypatch):
    whole, of_one_size = float(uniformity(cloud())), tf.TensorSpec([None, 6])
    assert float(tf.function(uniformity).get_concrete_function(of_one_size)(cloud())) == pytest.approx(whole, abs=1e-5)
    monkeypatch.setattr("byol_keras.evaluation.health._CELLS", 40 * 7)
    assert float(uniformity(cloud())) == pytest.approx(whole, abs=1e-5)


def test_uniformity__of_a_thin_cone_is_above_that_of_a_wide_cloud():
    assert float(uniformity(cloud() + 10.0)) > -0.5 > -2.0 > float(uniformity(cloud()))


def test_representation_health__holds_the_numbers_of_its_parts():
    pair = cloud(seed=1), cloud(seed=2)
    health = representation_health(cloud(), pair)
    expected = {name: float(measure(cloud())) for name, measure in MEASURES.items()}
    assert health == expected | {"alignment": float(alignment(*pair))}
    assert all(type(value) is float for value in health.values())


def test_representation_health__takes_bfloat16():
    features = tf.cast(cloud(), tf.bfloat16)
    assert representation_health(features.numpy()) == representation_health(tf.cast(features, tf.float32).numpy())


@pytest.mark.parametrize(
    ("features", "pair", "message"),
    [
        (np.ones(4), None, r"`features` must be vectors.*Received: features of shape \(4,\)"),
        (np.ones((1, 4)), None, r"`features` must be two vectors or more. Received: features of shape \(1, 4\)"),
        (np.array([["a"], ["b"]]), None, "`features` must be vectors"),
        (np.full((3, 2), np.nan), None, "`features` must be finite"),
        (np.eye(3), (np.eye(3), np.eye(4)), r"`pair` must hold two arrays of one shape. Received: \(3, 3\) and"),
        (np.eye(3), (np.eye(3), np.full((3, 3), np.inf)), "`pair` must be finite"),
    ],
)
def test_representation_health__refuses_what_it_cannot_measure(features, pair, message):
    with pytest.raises(ValueError, match=message):
        representation_health(features, pair)
