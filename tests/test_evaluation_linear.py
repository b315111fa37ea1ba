"""The linear judge, intervals, and parts of a labelled set."""

import warnings

import numpy as np
import pytest

from byol_keras.evaluation import interval, linear_predictions, linear_probe, split_labelled, subset
from byol_keras.evaluation.linear import fit_linear


def clusters(count=90, classes=3, noise=0.3, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return np.eye(classes)[labels] + noise * generator.normal(size=(count, classes)), labels


def test_linear__gets_right_what_lies_apart():
    points, labels = clusters(noise=0.05)
    assert linear_probe(points[:60], labels[:60], points[60:], labels[60:]) == 1.0
    assert linear_probe(points[:60], labels[:60], points[60:], (labels[60:] + 1) % 3) == 0.0


@pytest.mark.parametrize("classes", [2, 3])
def test_linear__minimises_the_stated_objective(classes):
    points, labels = clusters(classes=classes)
    standard = (points - points.mean(axis=0)) / points.std(axis=0)
    fitted = fit_linear(standard, labels, strengths=[0.1])

    def objective(kernel, bias):
        logits = standard @ kernel + bias
        entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
        # Of two classes only the difference of the logits is a parameter.
        return entropy.mean() + 0.05 * np.sum((kernel if classes > 2 else kernel[:, 1] - kernel[:, 0]) ** 2)

    best, generator = objective(fitted.kernel, fitted.bias), np.random.default_rng(1)
    for size in (0.3, 0.03):
        for _ in range(20):
            step = size * generator.normal(size=fitted.kernel.shape), size * generator.normal(size=classes)
            assert objective(fitted.kernel + step[0], fitted.bias + step[1]) > best - 1e-6


def test_linear__does_not_depend_on_scale_and_offset_of_features():
    points, labels = clusters(noise=1.0)
    queries, _ = clusters(noise=1.0, seed=1)
    scale, offset = np.array([100.0, 0.01, 3.0]), np.array([5.0, 0.1, -7.0])
    moved = linear_predictions(points * scale + offset, labels, queries * scale + offset)
    assert np.mean(linear_predictions(points, labels, queries) == moved) > 0.98


def test_linear__constant_features_are_no_danger():
    points, labels = clusters()
    constant = np.hstack([points, np.full((90, 1), 0.1), np.zeros((90, 1))])
    other = np.hstack([points, np.full((90, 1), 0.2), np.ones((90, 1))])
    np.testing.assert_array_equal(
        linear_predictions(constant, labels, other), linear_predictions(points, labels, points)
    )


def test_linear__chooses_the_strength_on_examples_held_out():
    generator = np.random.default_rng(0)
    labels = np.arange(80) % 2
    points = np.hstack(
        [0.7 * (2 * labels[:, None] - 1) + generator.normal(size=(80, 1)), generator.normal(size=(80, 60))]
    )
    assert fit_linear(points, labels, strengths=[1e-6, 0.3]).strength == 0.3


def test_linear__of_more_features_than_examples_is_the_same_problem():
    points, labels = clusters(count=40, noise=0.5)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(60, 60)))[0][:3]
    wide = points @ turn  # 40 examples of 60 features that span three dimensions
    fitted = fit_linear(wide, labels, strengths=[0.1])
    duplicated = fit_linear(np.vstack([wide, wide]), np.hstack([labels, labels]), strengths=[0.1])
    np.testing.assert_allclose(fitted.kernel, duplicated.kernel, atol=5e-3 * np.abs(duplicated.kernel).max())
    assert fitted.kernel.shape == (60, 3)


def test_linear__labels_keep_their_names_and_order_of_strengths_does_not_matter():
    points, labels = clusters()
    names = np.array([5, 0, 9])[labels]
    assert np.mean(linear_predictions(points, names, points) == names) > 0.9
    one, other = (fit_linear(points, labels, strengths) for strengths in ([1.0, 0.1, 0.01], [0.01, 1.0, 0.1]))
    assert one.strength == other.strength
    np.testing.assert_array_equal(one.kernel, other.kernel)


def test_linear__of_one_example_per_class_takes_the_middle_strength():
    fitted = fit_linear(np.eye(3), np.arange(3), strengths=[1.0, 0.1, 0.01])
    assert fitted.strength == 0.1
    assert fitted.predict(np.eye(3, dtype="float32")).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bank_labels": np.zeros(4, int)}, "`bank_labels` must hold two classes or more. Received: only class 0"),
        ({"strengths": []}, "`strengths` must be positive"),
        ({"strengths": [0.0]}, "`strengths` must be positive"),
        ({"queries": np.ones((4, 3))}, "`queries` must have as many features"),
        ({"query_labels": np.arange(3)}, "`query_labels` must have one label per example"),
        ({"bank_labels": np.arange(3)}, "`bank_labels` must have one label per example"),
    ],
)
def test_linear__refuses_what_does_not_fit(change, message):
    points, labels = np.ones((4, 2)), np.arange(4) % 2
    sound = {"bank": points, "bank_labels": labels, "queries": points, "query_labels": labels}
    with pytest.raises(ValueError, match=message):
        linear_probe(**sound | change)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # By hand with z = 1.96, z^2 = 3.8415: 5 of 10 is 1/2 -+ z/2 / sqrt(10 + z^2); 0 of n ends at z^2 / (n + z^2).
    [
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (954, 2000, 0.4552, 0.4989),
    ],
)
def test_interval__equals_numbers_worked_by_hand(right, of, low, high):
    assert interval(np.arange(of) < right) == pytest.approx((low, high), abs=5e-5)


def test_interval__holds_the_truth_in_95_of_100_cases():
    generator = np.random.default_rng(0)
    ends = [interval(generator.uniform(size=100) < 0.9) for _ in range(2000)]
    assert 0.93 < np.mean([low <= 0.9 <= high for low, high in ends]) < 0.97


@pytest.mark.parametrize("correct", [[], [[True]], [0.5]])
def test_interval__refuses_what_is_not_right_or_wrong(correct):
    with pytest.raises(ValueError, match="`correct` must be booleans"):
        interval(np.array(correct))


LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 7], [600, 300, 100]))


def test_subset__has_the_classes_in_proportion():
    few = subset(LABELS, 0.1, seed=3)
    assert np.bincount(LABELS[few])[[0, 1, 7]].tolist() == [60, 30, 10]
    assert np.all(np.diff(few) > 0)
    assert subset(LABELS, 1.0).tolist() == list(range(1000))


def test_subset__depends_on_the_seed_and_grows():
    assert subset(LABELS, 0.1).tolist() == subset(LABELS, 0.1).tolist() != subset(LABELS, 0.1, seed=1).tolist()
    assert set(subset(LABELS, 0.01)) < set(subset(LABELS, 0.1))


def test_subset__takes_one_of_a_rare_class_and_says_so():
    with pytest.warns(UserWarning, match=r"`fraction`=0.004 of 1 of the 3 classes.*4 examples in all"):
        few = subset(LABELS, 0.004)
    assert sorted(LABELS[few].tolist()) == [0, 0, 1, 7]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        subset(LABELS, 0.01)


def test_split__is_stratified_complete_and_known():
    train, test = split_labelled(LABELS, 0.2, seed=1)
    assert sorted([*train, *test]) == list(range(1000))
    assert np.bincount(LABELS[test])[[0, 1, 7]].tolist() == [120, 60, 20]
    assert split_labelled(LABELS, 0.2, seed=1)[1].tolist() == test.tolist() != split_labelled(LABELS)[1].tolist()


def test_split__of_small_classes_leaves_an_example_on_either_side():
    train, test = split_labelled(np.array([0, 0, 1, 2, 2, 2]), test_fraction=0.9)
    labels = np.array([0, 0, 1, 2, 2, 2])
    assert labels[train].tolist() == [0, 1, 2]
    assert labels[test].tolist() == [0, 2, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: subset(LABELS, 0.0), r"`fraction` must be in \(0, 1\]"),
        (lambda: subset(LABELS, 10), r"`fraction` must be in \(0, 1\]"),
        (lambda: subset(np.array([-1, 0]), 0.5), "`labels` must be classes from 0 on"),
        (lambda: split_labelled(LABELS, 1.0), r"`test_fraction` must be in \(0, 1\)"),
        (lambda: split_labelled(np.arange(5)), "`labels` must hold some class twice"),
    ],
)
def test_parts__refuse_what_can_not_be_divided(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        # As seen of a recurrent network: the first strengths find nothing, and their scores move by luck.
        ([218, 212, 210, 210, 232, 297, 350, 400, 454, 440, 430], 8),
        # Once it has risen, two falls end the search: what comes after is not looked at.
        ([218, 300, 400, 390, 380, 900, 0, 0, 0, 0, 0], 2),
    ],
)
def test_linear__is_patient_until_something_was_learned(monkeypatch, scores, best):
    from byol_keras.evaluation import linear

    monkeypatch.setattr(linear, "_held_out_scores", lambda *_: iter(scores))
    labels = np.arange(5000) % 4
    assert linear._choose(np.zeros((5000, 2)), labels, list(linear.STRENGTHS), seed=0) == linear.STRENGTHS[best]
