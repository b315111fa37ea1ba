import numpy as np
import pytest

from byol_keras.evaluation import knn_accuracy


def knn_by_hand(bank, labels, queries, truth, k, temperature):
    right = 0
    for query, expected in zip(queries, truth, strict=True):
        cosines = [query @ row / np.linalg.norm(query) / np.linalg.norm(row) for row in bank]
        votes = np.zeros(max(labels) + 1)
        for index in np.argsort(cosines)[::-1][:k]:
            votes[labels[index]] += np.exp(cosines[index] / temperature)
        right += votes.argmax() == expected
    return right / len(queries)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (7, 0.1), (7, 0.01), (7, 10.0), (500, 0.05)])
def test_knn__equals_a_loop_over_neighbours(k, temperature):
    generator = np.random.default_rng(0)
    bank, queries = generator.normal(size=(60, 4)), generator.normal(size=(1100, 4))
    labels, truth = generator.integers(0, 3, 60), generator.integers(0, 3, 1100)
    expected = knn_by_hand(bank, labels, queries, truth, min(k, 60), temperature)
    assert knn_accuracy(bank, labels, queries, truth, k, temperature) == expected


def test_knn__near_neighbours_outvote_many_far_ones_at_low_temperature():
    bank = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    labels, query = np.array([0, 1, 1, 1]), np.array([[1.0, 0.5]])
    assert knn_accuracy(bank, labels, query, np.array([0]), k=4, temperature=0.05) == 1.0
    assert knn_accuracy(bank, labels, query, np.array([1]), k=4, temperature=10.0) == 1.0


def test_knn__at_a_very_low_temperature_is_the_nearest_neighbour():
    bank, query = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[0.5, 0.75**0.5]])
    assert knn_accuracy(bank, np.array([1, 0]), query, np.array([1]), k=2, temperature=0.005) == 1.0


@pytest.mark.parametrize("arguments", [{"k": 0}, {"temperature": 0.0}])
def test_knn__refuses_impossible_numbers(arguments):
    points, labels = np.eye(2), np.arange(2)
    with pytest.raises(ValueError, match="`k` must be at least 1 and `temperature` positive"):
        knn_accuracy(points, labels, points, labels, **arguments)
