"""Look-alikes found, and the same told from the different."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from byol_keras.evaluation import retrieval, same_or_different
from byol_keras.evaluation.lookalikes import _different, _same


def clusters(count, classes, spread, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, count)
    return generator.normal(size=(classes, 8))[labels] + spread * generator.normal(size=(count, 8)), labels


def test_retrieval__equals_average_precision_by_definition():
    features, labels = clusters(60, classes=5, spread=1.0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    precisions, firsts = [], []
    for index in range(60):
        others = np.arange(60) != index
        cosines, hits = unit[others] @ unit[index], labels[others] == labels[index]
        precisions.append(average_precision_score(hits, cosines))
        firsts.append(hits[np.argsort(-cosines)[:3]].any())
    found = retrieval(features, labels, ks=(3,))
    assert found.mean_average_precision == pytest.approx(np.mean(precisions), abs=1e-6)
    assert found.recall == {3: pytest.approx(np.mean(firsts))}
    assert found.queries == 60


def test_retrieval__leaves_out_queries_that_nothing_matches():
    features = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    found = retrieval(features, np.array([0, 0, 1]), ks=(1,))
    assert (found.mean_average_precision, found.recall, found.queries) == (1.0, {1: 1.0}, 2)


def test_retrieval__in_pieces_is_the_same(monkeypatch):
    features, labels = clusters(50, classes=4, spread=1.0)
    whole = retrieval(features, labels)
    monkeypatch.setattr("byol_keras.evaluation.lookalikes._CELLS", 50 * 7)
    pieces = retrieval(features, labels)
    assert pieces.mean_average_precision == pytest.approx(whole.mean_average_precision, abs=1e-9)
    assert pieces.recall == whole.recall


def test_same_or_different__pairs_are_what_they_are_called_and_cover_all():
    labels = np.array([0, 2, 2, 1, 0, 2, 1, 5])
    generator = np.random.default_rng(0)
    first, second = _same(labels, 4000, generator)
    assert np.all(labels[first] == labels[second])
    assert np.all(first != second)
    assert len(set(zip(first, second, strict=True))) == 2 + 6 + 2
    first, second = _different(labels, 4000, generator)
    assert np.all(labels[first] != labels[second])
    assert len(set(zip(first, second, strict=True))) == 8 * 7 - (2 + 6 + 2)


def test_same_or_different__chance_and_certainty():
    features, labels = clusters(2000, classes=10, spread=0.01)
    certain = same_or_different(features, labels)
    assert certain.accuracy > 0.999
    assert certain.area > 0.999
    noise = same_or_different(np.random.default_rng(1).normal(size=features.shape), labels)
    assert abs(noise.accuracy - 0.5) < 0.03
    assert abs(noise.area - 0.5) < 0.03


def test_same_or_different__depends_on_who_is_of_a_class_not_on_its_number():
    features, labels = clusters(50, classes=4, spread=1.0)
    assert same_or_different(features, labels) == same_or_different(features, 10**12 * labels + 5)


def test_same_or_different__area_is_that_of_the_roc_curve():
    features, labels = clusters(200, classes=5, spread=1.0)
    generator = np.random.default_rng(7)
    pairs = [draw(labels, 500, generator) for draw in (_same, _different)]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = np.concatenate([np.sum(unit[a] * unit[b], axis=1) for a, b in pairs])
    expected = roc_auc_score(np.repeat([1, 0], 500), cosines)
    found = same_or_different(features, labels, pairs=1000, seed=7)
    assert found.area == pytest.approx(expected, abs=1e-6)
    assert 0.5 < found.accuracy < 1.0


@pytest.mark.parametrize("judge", [retrieval, same_or_different])
@pytest.mark.parametrize(
    ("count", "labels", "message"),
    [
        (1, np.arange(1), "two examples of a class"),
        (3, np.arange(3), "two examples of a class"),
        (3, np.arange(2), "one label per example"),
    ],
)
def test_retrieval__refuses_what_nothing_can_be_found_in(judge, count, labels, message):
    with pytest.raises(ValueError, match=message):
        judge(np.eye(count), labels)


def test_same_or_different__refuses_one_class_and_too_few_pairs():
    with pytest.raises(ValueError, match="two classes or more"):
        same_or_different(np.eye(3), np.zeros(3, int))
    with pytest.raises(ValueError, match="`pairs` must be at least 4"):
        same_or_different(np.eye(3), np.array([0, 0, 1]), pairs=3)
