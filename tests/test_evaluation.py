import numpy as np
import pytest

from byol_keras.evaluation import knn_accuracy, knn_predictions, neighbours


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


@pytest.mark.parametrize("arguments", [{"k": 0}, {"k": 5.5}, {"temperature": 0.0}, {"temperature": np.nan}])
def test_knn__refuses_impossible_numbers(arguments):
    points, labels = np.eye(2), np.arange(2)
    with pytest.raises(ValueError, match=r"`(k|temperature)` must be (a )?positive"):
        knn_accuracy(points, labels, points, labels, **arguments)


def test_knn__in_many_chunks_equals_one(monkeypatch):
    generator = np.random.default_rng(2)
    bank, labels, queries = generator.normal(size=(50, 3)), generator.integers(0, 4, 50), generator.normal(size=(33, 3))
    whole = knn_predictions(bank, labels, queries, k=5)
    monkeypatch.setattr(neighbours, "_CELLS", 350)
    np.testing.assert_array_equal(knn_predictions(bank, labels, queries, k=5), whole)


def test_knn__guesses_labels_as_they_are_called():
    points = np.eye(3)
    guesses = knn_predictions(points, np.array([[40], [2], [7]], "uint8"), points[::-1], k=1)
    assert guesses.tolist() == [7, 2, 40]
    assert knn_accuracy(points, np.array([[40], [2], [7]]), points, np.array([[40], [2], [8]]), k=1) == 2 / 3


def test_knn__takes_no_memory_for_numbers_between_labels():
    labels = np.array([10**12, 3, 7])
    assert knn_predictions(np.eye(3), labels, np.eye(3), k=1).tolist() == labels.tolist()


def test_knn__depends_on_directions_only():
    generator = np.random.default_rng(3)
    bank, labels, queries = generator.normal(size=(40, 5)), generator.integers(0, 3, 40), generator.normal(size=(20, 5))
    scales = 10.0 ** generator.uniform(-20.0, 20.0, (40, 1))
    one, other = (knn_predictions(b, labels, q, k=9) for b, q in ((bank, queries), (bank * scales, 7e-20 * queries)))
    np.testing.assert_array_equal(one, other)


def test_knn__equal_neighbours_and_equal_votes_go_to_the_first():
    bank = np.ones((4, 2))
    assert knn_predictions(bank, np.array([1, 0, 0, 0]), bank[:1], k=1).tolist() == [1]
    assert knn_predictions(bank, np.array([3, 3, 1, 1]), bank[:1], k=4).tolist() == [1]


def test_knn__a_vanished_query_gets_the_commonest_class():
    assert knn_predictions(np.eye(3), np.array([2, 1, 1]), np.zeros((1, 3)), k=3).tolist() == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bank": np.ones(4)}, "`bank` must be vectors"),
        ({"queries": np.ones((4, 0))}, "`queries` must be vectors"),
        ({"queries": np.ones((4, 3))}, "`queries` must have as many features as `bank`"),
        ({"bank": np.full((4, 2), np.nan)}, "`bank` must be finite.*4 of 4 vectors"),
        ({"bank_labels": np.arange(3)}, "`bank_labels` must have one label per example. Received: 3 labels for 4"),
        ({"query_labels": np.arange(5)}, "`query_labels` must have one label per example"),
        ({"bank_labels": np.array([0, 1, -1, 0])}, "`bank_labels` must be classes from 0 on.*the label -1"),
        ({"bank_labels": np.zeros(4)}, "`bank_labels` must be integer classes.*float64"),
        ({"query_labels": np.array(["cat"] * 4)}, "`query_labels` must be integer classes"),
    ],
)
def test_knn__refuses_what_does_not_fit(change, message):
    points, labels = np.ones((4, 2)), np.arange(4)
    sound = {"bank": points, "bank_labels": labels, "queries": points, "query_labels": labels}
    with pytest.raises(ValueError, match=message):
        knn_accuracy(**sound | change)
