"""Monitors that judge with labels: what they measure, beside Keras' own callbacks, and that training never notices."""

import csv
import json

import keras
import numpy as np
import pytest
from builders import assert_same, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras.callbacks import KNNMonitor, LinearProbeMonitor

MONITORS = {"knn_accuracy": KNNMonitor, "linear_accuracy": LinearProbeMonitor}


def labelled(count=40, seed=0):
    """Vectors of two classes that lie apart."""
    labels = np.arange(count) % 2
    return vectors(count, seed=seed) + 0.7 * labels[:, None].astype("float32"), labels


def fitted(callbacks, epochs=2, model=None, **options):
    model = model or vector_byol()
    history = model.fit(vectors(), batch_size=16, epochs=epochs, callbacks=callbacks, verbose=0, **options)
    return model, history.history


@pytest.mark.parametrize("name", MONITORS)
def test_monitor__logs_what_the_judge_says_of_the_final_features(name):
    bank, queries = labelled(seed=1), labelled(50, seed=2)
    monitor = MONITORS[name](*bank, *queries)
    model, history = fitted([monitor])
    judge = {"knn_accuracy": bk.evaluation.knn_accuracy, "linear_accuracy": bk.evaluation.linear_probe}[name]
    features = [model.predict(examples, verbose=0) for examples in (bank[0], queries[0])]
    assert history[name][-1] == judge(features[0], bank[1], features[1], queries[1])
    assert monitor.latest == {"step": 8, name: history[name][-1]}
    assert 0.5 < history[name][-1] < 1.0


@pytest.mark.parametrize(("k", "temperature", "expected"), [(4, 0.05, 1.0), (4, 10.0, 0.0), (1, 10.0, 1.0)])
def test_monitor__passes_on_how_many_neighbours_vote_and_how_sharply(k, temperature, expected):
    bank, query = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.5]])
    monitor = KNNMonitor(bank, np.array([0, 1, 1, 1]), query, np.array([0]), k=k, temperature=temperature)
    assert monitor.accuracy(bank, query) == expected


@pytest.mark.parametrize("name", MONITORS)
def test_monitor__does_not_change_what_is_learned(name):
    watched, _ = fitted([MONITORS[name](*labelled())])
    unwatched, _ = fitted([])
    assert_same(weights_of(watched), weights_of(unwatched))


def test_monitor__without_queries_holds_out_a_fifth_of_each_class():
    examples, labels = vectors(100), np.repeat([0, 1], [80, 20])
    monitor = KNNMonitor(examples, labels)
    assert np.bincount(monitor.query_labels).tolist() == [16, 4]
    assert np.bincount(monitor.bank_labels).tolist() == [64, 16]
    together = np.concatenate([monitor.bank, monitor.queries])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(examples, axis=0))
    np.testing.assert_array_equal(monitor.queries, KNNMonitor(examples, labels).queries)


class Counted(KNNMonitor):
    """Takes the step for the accuracy."""

    def accuracy(self, bank, queries):
        return float(self.model.optimizer.iterations)


def test_monitor__judges_every_few_epochs_and_the_first_and_the_last():
    _, history = fitted([Counted(*labelled(), every_epochs=3)], epochs=7)
    assert history["knn_accuracy"] == [4, 4, 12, 12, 12, 24, 28]


def test_monitors__work_beside_keras_own_callbacks(tmp_path):
    class Rising(KNNMonitor):
        def accuracy(self, bank, queries):
            return min(int(self.model.optimizer.iterations), 12) / 100

    best = tmp_path / "best.keras"
    callbacks = [
        Rising(*labelled()),
        LinearProbeMonitor(*labelled(), every_epochs=4),
        bk.callbacks.CollapseMonitor(examples=vectors(20), every=3),
        keras.callbacks.EarlyStopping(monitor="knn_accuracy", mode="max", patience=2),
        keras.callbacks.ModelCheckpoint(best, monitor="knn_accuracy", mode="max", save_best_only=True),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TensorBoard(tmp_path / "board"),
    ]
    _, history = fitted(callbacks, epochs=9, validation_data=vectors(32, seed=4))
    assert history["knn_accuracy"] == [0.04, 0.08, 0.12, 0.12, 0.12]
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.DictReader(file))
    columns = {"knn_accuracy", "linear_accuracy", "effective_rank", "alignment", "uniformity", "val_loss"}
    assert columns <= set(rows[0])
    assert [float(row["knn_accuracy"]) for row in rows] == history["knn_accuracy"]
    assert int(keras.models.load_model(best, custom_objects=None).optimizer.iterations) == 12
    assert any((tmp_path / "board").rglob("events*"))


def test_monitor__continued_goes_on_like_one_never_interrupted():
    whole, first, second = (Counted(*labelled(), every_epochs=3) for _ in range(3))
    _, expected = fitted([whole], epochs=5)
    ema = bk.callbacks.TargetEMA(0.99, total_steps=20)
    model, before = fitted([ema, first], epochs=3)
    second.set_state(json.loads(json.dumps(first.get_state())))
    _, after = fitted([ema, second], epochs=5, model=model, initial_epoch=3)
    assert before["knn_accuracy"] + after["knn_accuracy"] == expected["knn_accuracy"] == [4, 4, 12, 12, 20]
    assert second.get_state() == whole.get_state() == {"latest": {"step": 20, "knn_accuracy": 20}}


def test_monitor__forgets_one_model_when_it_watches_another():
    monitor = Counted(*labelled(), every_epochs=5)
    fitted([monitor], epochs=2)
    _, history = fitted([monitor], epochs=3)
    assert history["knn_accuracy"] == [4, 4, 12]


def test_monitor__takes_labels_as_keras_datasets_bring_them():
    examples, labels = labelled()
    assert KNNMonitor(examples, labels[:, None].astype("uint8")).bank_labels.shape == (32,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"every_epochs": 0}, "`every_epochs` must be a positive integer"),
        ({"k": 0}, "`k` must be a positive integer"),
        ({"temperature": 0.0}, "`temperature` must be positive. Received: temperature=0.0"),
        ({"bank_labels": np.zeros(3, int)}, "`bank_labels` must have one label per example"),
        (
            {"bank": ["a text"] * 32},
            r"`bank` must be an array .* strings as `np.array\(texts\)`\. .* list",
        ),
        ({"bank": [1.0] * 32}, "`bank` must be an array or a structure of arrays"),
        ({"bank_labels": np.zeros(40)}, "`bank_labels` must be integer classes"),
        ({"queries": np.zeros((2, 6))}, "`queries` and `query_labels` must be given together"),
        ({"queries": np.zeros((2, 6)), "query_labels": np.zeros(3, int)}, "`query_labels` must have one label"),
    ],
)
def test_monitor__refuses_what_it_cannot_use(change, message):
    examples, labels = labelled()
    with pytest.raises(ValueError, match=message):
        KNNMonitor(**{"bank": examples, "bank_labels": labels} | change)
