"""The ledger of broken pictures, and the clock of waiting for data."""

import contextlib
import gc
import os
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from picture_files import fill, numbered, take

from byol_keras.data import Pictures, Skipped, TooManyBroken, open_source, timed
from byol_keras.data.source import failing_in_words


def test_ledger__counts_each_example_once():
    skipped = Skipped(10, 1.0)
    skipped.good_ones(np.array([0, 1, 1]))
    skipped.good_one(1)
    for _ in range(2):
        skipped.bad_one(4, "a.png", "is empty")
    assert (skipped.seen, skipped.bad, skipped.reasons) == (3, 1, {"a.png": "is empty"})
    skipped.good_one(4)
    assert (skipped.seen, skipped.bad) == (3, 1)


@pytest.mark.parametrize(
    ("length", "bad", "stops"), [(202, 2, False), (203, 3, True), (5000, 3, False), (5000, 4, False), (5000, 5, True)]
)
def test_ledger__stops_above_the_share_and_before_the_end_above_what_chance_explains(length, bad, stops):
    skipped = Skipped(length, max_bad_fraction=0.01)
    skipped.good_ones(np.arange(200))
    for index in range(200, 199 + bad):
        skipped.bad_one(index, f"{index}", "is empty")
    seen = f"{bad} of the {200 + bad} pictures seen are broken, for example 200, which"
    with pytest.raises(TooManyBroken, match=seen) if stops else contextlib.nullcontext():
        skipped.bad_one(199 + bad, "last", "is empty")


def test_ledger__does_not_judge_before_200():
    skipped = Skipped(400, max_bad_fraction=0.0)
    for index in range(199):
        skipped.bad_one(index, f"{index}", "is empty")
    with pytest.raises(TooManyBroken):
        skipped.good_one(300)


def test_ledger__judges_what_was_bad_before_the_200th():
    skipped = Skipped(400, max_bad_fraction=0.01)
    for index in range(50):
        skipped.bad_one(index, f"{index}", "is empty")
    with pytest.raises(TooManyBroken):
        skipped.good_ones(np.arange(50, 250))


def test_ledger__names_can_not_break_lines(tmp_path):
    file = tmp_path / "skipped.txt"
    skipped = Skipped(10, 1.0, file)
    skipped.bad_one(0, "a\nb\t<script>\u2028\udcff.png", "is\r\nempty")
    skipped.bad_one(1, "größe.png", "is empty")
    assert file.read_text("utf-8") == "a\\nb\\t<script>\\u2028\\udcff.png\tis\\r\\nempty\ngröße.png\tis empty\n"
    assert [path.name for path in tmp_path.iterdir()] == ["skipped.txt"]


def test_ledger__keeps_what_an_earlier_run_found(tmp_path):
    for path in ("b.png", "a.png", "a.png"):
        Skipped(10, 1.0, tmp_path / "skipped.txt").bad_one(0, path, "is empty")
    assert (tmp_path / "skipped.txt").read_text() == "b.png\tis empty\na.png\tis empty\n"


def test_ledger__writes_a_long_list_in_leaps_and_all_of_it_when_flushed(tmp_path, monkeypatch):
    writes = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (writes.append(1), replace(*paths)))
    skipped = Skipped(400, 1.0, tmp_path / "skipped.txt")
    for index in range(400):
        skipped.bad_one(index, f"{index}", "is empty")
    assert 100 < len(writes) < 300
    skipped.flush()
    assert len((tmp_path / "skipped.txt").read_text().splitlines()) == 400


def test_ledger__is_written_while_streaming(tmp_path):
    (tmp_path / "set").mkdir()
    folder = fill(tmp_path / "set", 8, broken=(3, 5))
    pictures = Pictures(open_source(folder), size=8, max_bad_fraction=1.0, skipped=str(tmp_path / "skipped.txt"))
    take(pictures.training(8), 3)
    lines = sorted((tmp_path / "skipped.txt").read_text().splitlines())
    assert lines == [f"00{n}.png\tis no picture: it begins like none of the formats that are read" for n in (3, 5)]


def test_ledger__that_can_not_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="`skipped` must be a path that can be written to"):
        Skipped(10, 1.0, tmp_path / "file" / "skipped.txt").bad_one(0, "a.png", "is empty")


@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_max_bad_fraction__is_a_fraction(fraction):
    with pytest.raises(ValueError, match="`max_bad_fraction` must be in"):
        Skipped(10, fraction)


@pytest.mark.parametrize("want", [MemoryError, tf.errors.ResourceExhaustedError])
def test_want_of_memory__is_no_fault_of_a_picture(want):
    failure = want() if want is MemoryError else want(None, None, "no memory")
    with pytest.raises(want), failing_in_words():
        raise failure


def readers():
    return {thread for thread in threading.enumerate() if thread.name.startswith("examples")}


def test_threads__end_with_the_pictures():
    before = readers()  # of other tests, whose pictures may be alive
    pictures = Pictures(open_source(numbered(8, 40)), size=8, crop=((0.5, 1.0), (1.0, 1.0)))
    dataset = pictures.training(4)
    take(dataset, 2)
    assert readers() - before
    del pictures, dataset
    deadline = time.monotonic() + 30
    while readers() - before:
        assert time.monotonic() < deadline
        gc.collect()
        time.sleep(0.02)


def test_training__under_a_strategy_outlives_the_pictures():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    expected = take(Pictures(open_source(numbered(8)), size=4).training(4), 3)
    batches = iter(strategy.experimental_distribute_dataset(Pictures(open_source(numbered(8)), size=4).training(4)))
    gc.collect()
    for whole in expected:
        parts = strategy.experimental_local_results(next(batches))
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def sleepy(count, seconds):
    def wait(number):
        time.sleep(seconds)
        return np.float32(number)

    return tf.data.Dataset.range(count).map(lambda n: tf.ensure_shape(tf.numpy_function(wait, [n], tf.float32), ()))


def test_timed__a_slow_producer_is_waited_for():
    dataset, clock = timed(sleepy(10, 0.03))
    assert [float(element) for element in dataset] == list(range(10))
    assert 0.3 <= clock.waited < 0.6


def test_timed__a_slow_consumer_does_not_wait():
    dataset, clock = timed(sleepy(12, 0.002).prefetch(4))
    for _ in dataset:
        time.sleep(0.03)
    assert clock.waited < 0.12


def test_timed__goes_on_counting_over_epochs_and_knows_its_length():
    dataset, clock = timed(sleepy(3, 0.01))
    assert dataset.cardinality() == 3
    for _ in range(2):
        list(dataset)
    assert 0.06 <= clock.waited < 0.3


class Slow(keras.callbacks.Callback):
    """Gives whatever works ahead the time to do so."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.03)


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_timed__within_fit(steps_per_execution):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=steps_per_execution)
    batches = sleepy(10, 0.03).map(lambda n: (tf.reshape(n, (1, 1)), tf.reshape(n, (1, 1))))
    model.fit(batches.take(2), verbose=0, shuffle=False)
    dataset, clock = timed(batches)
    model.fit(dataset, callbacks=[Slow()], verbose=0, shuffle=False)
    assert 0.3 <= clock.waited < 0.6
