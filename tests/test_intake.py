"""Arrays made into batches: which, in what order, and what is looked at."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, vector_byol, vectors, weights_of

from byol_keras.callbacks import TargetEMA
from byol_keras.data import stream
from byol_keras.data.waiting import timed
from byol_keras.intake import ArrayBatches, chunks, split_validation


def epochs_of(seed=0, shuffle=True, epochs=(0, 1)):
    batches = ArrayBatches(np.arange(12), batch_size=4, shuffle=shuffle, seed=seed)
    orders = []
    for epoch in epochs:
        batches.on_epoch_begin(epoch)
        orders.append([int(value) for batch in batches.epoch() for value in batch])
    return orders


def test_order__is_a_permutation_that_depends_on_seed_and_epoch_alone():
    first, second = epochs_of()
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert epochs_of(seed=1)[0] not in (first, second)
    keras.utils.set_random_seed(99)
    assert epochs_of(epochs=(1, 0)) == [second, first]


def test_order__without_shuffling_is_the_datas_own():
    assert epochs_of(shuffle=False) == [list(range(12))] * 2


def test_order__of_an_endless_dataset_is_that_of_one_epoch_after_another():
    batches = ArrayBatches(np.arange(12), batch_size=4, shuffle=True, seed=0)
    expected = [value for epoch in epochs_of() for value in epoch]
    for start in range(4):
        endless = [int(value) for batch in batches.endless(start).take(6 - start) for value in batch]
        assert endless == expected[4 * start :]


def test_dataset__holds_full_batches_only_and_says_so():
    batches = ArrayBatches(vectors(10), batch_size=4, shuffle=True, seed=0)
    for data, count in ((batches.epoch(), 2), (batches.endless(0), 5)):
        assert data.element_spec.shape == (4, 6)
        assert [len(batch) for batch in data.take(5)] == [4] * count
    assert batches.epoch().cardinality() == 2


@pytest.mark.parametrize(("given", "taken"), [("float64", "float32"), ("float16", "float16"), ("int64", "int64")])
def test_arrays__of_float64_become_what_keras_makes_of_them_and_others_stay(given, taken):
    assert (
        ArrayBatches(vectors(4).astype(given), batch_size=4, shuffle=True, seed=0).epoch().element_spec.dtype == taken
    )


def test_chunks__are_all_of_the_arrays():
    arrays = {"a": np.arange(10), "b": np.arange(20).reshape(10, 2)}
    parts = list(chunks(arrays, size=4))
    assert [len(part["a"]) for part in parts] == [4, 4, 2]
    for name, array in arrays.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), array)


def test_chunks__are_of_64_mebibytes_whatever_an_example_takes():
    wide = np.broadcast_to(np.zeros(1, "float32"), (10, 4 * 2**20))  # 16 MiB each, of which none is there
    assert [len(part) for part in chunks(wide)] == [4, 4, 2]
    assert [len(part["a"]) for part in chunks({"a": wide, "b": wide})] == [2] * 5
    narrow = np.broadcast_to(np.zeros(1, "uint8"), (70 * 2**20,))
    assert [len(part) // 2**20 for part in chunks(narrow)] == [64, 6]
    assert [len(part) for part in chunks(tf.constant(vectors(5)))] == [5]


def test_split_validation__holds_out_the_last_examples():
    kept, held_out = split_validation({"a": np.arange(10)}, 0.25)
    np.testing.assert_array_equal(kept["a"], np.arange(7))
    np.testing.assert_array_equal(held_out["a"], [7, 8, 9])


@pytest.mark.parametrize("fraction", [-0.1, 0.999, 1.0, 1.5])
def test_split_validation__refuses_a_share_that_leaves_nothing_on_one_side(fraction):
    with pytest.raises(ValueError, match=rf"`validation_split` must leave examples .* Received: .*={fraction}"):
        vector_byol().fit(vectors(16), batch_size=4, validation_split=fraction)


def test_fit__keeps_every_example_for_training_where_validation_data_is_given():
    model = vector_byol()
    model.fit(vectors(16), batch_size=4, validation_split=0.5, validation_data=vectors(8), verbose=0)
    assert int(model.batches_seen) == 4


def test_fit__validates_in_batches_of_its_own_size():
    sizes = []

    def watched(prediction, target):
        tf.py_function(lambda values: sizes.append(len(values)), [prediction], [])
        return tf.reduce_sum(prediction * target, axis=-1)

    model = vector_byol(loss=watched)
    model.fit(vectors(8), batch_size=8, validation_data=vectors(20), verbose=0)
    assert sizes == [8, 8, 8, 8, 8, 8, 4, 4]


class Sliced(keras.utils.PyDataset):
    """Eight batches of one row repeated, so that a batch shows its own number."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return np.full((4, 6), float(index), "float32") + 0.01 * vectors(4)


class Numbered(Sliced):
    """The same in the way that Keras 3 documents, endless or not."""

    __len__ = None

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    @property
    def num_batches(self):
        return self.batches


def numbers_seen(**options):
    seen = []

    def watched(batch, seed):
        tf.py_function(lambda values: seen.append(round(float(np.mean(values)))), [batch], [])
        return batch, batch + 1.0

    model = vector_byol(views=watched)
    model.fit(Sliced(), verbose=0, callbacks=[TargetEMA(total_steps=8)], **options)
    return seen[1:]  # the first is the one that was looked at


def test_fit__takes_a_py_dataset_in_an_order_of_its_own_or_not():
    assert numbers_seen(shuffle=False) == list(range(8))
    shuffled = numbers_seen(shuffle=True)
    assert shuffled != list(range(8))
    assert sorted(shuffled) == list(range(8))


@pytest.mark.parametrize(("batches", "options"), [(8, {}), (None, {"steps_per_epoch": 5})])
def test_fit__takes_a_py_dataset_that_tells_its_number_of_batches(batches, options):
    model = vector_byol()
    model.fit(Numbered(batches), verbose=0, **options)
    assert int(model.optimizer.iterations) == (batches or 5)
    with pytest.raises(ValueError, match="`x` is empty"):
        model.fit(Numbered(0), verbose=0)


class Watched(keras.layers.Layer):
    """Hides what is not finite, and remembers what it was given outside of any graph: before training."""

    def __init__(self):
        super().__init__()
        self.lengths = []

    def call(self, inputs):
        if not tf.is_symbolic_tensor(inputs):
            self.lengths.append(len(inputs))
        return tf.where(tf.math.is_finite(inputs), inputs, 0.0)


def test_preprocessor__sees_one_batch_before_training_and_the_check_sees_all():
    watched = Watched()
    model, data = vector_byol(preprocessor=watched), vectors(64)
    watched.lengths.clear()
    model.fit(data, batch_size=8, verbose=0)
    assert sum(watched.lengths) <= 10
    data[60, 2] = np.nan
    with pytest.raises(ValueError, match=r"`x` must be finite.* Received: 1 of 384 values"):
        model.fit(data, batch_size=8, verbose=0)


def test_preprocessor__is_checked_by_what_it_makes_of_the_first_batch():
    model = vector_byol(preprocessor=keras.layers.Lambda(lambda inputs: tf.math.log(inputs - inputs)))
    with pytest.raises(ValueError, match="`x` must be finite"):
        model.fit(vectors(16), batch_size=8, verbose=0)
    assert int(model.batches_seen) == 0


def test_fit__takes_a_callback_list():
    results = []
    for callbacks in ([TargetEMA(0.0, "constant")], keras.callbacks.CallbackList([TargetEMA(0.0, "constant")])):
        model = vector_byol()
        model.fit(vectors(8), batch_size=8, callbacks=callbacks, verbose=0)
        results.append(weights_of(model))
    assert_same(*results)
    assert_same(weights_of(model.target_projector), weights_of(model.projector))


def test_fit__looks_at_the_first_batch_of_a_dataset_before_it_trains():
    data = vectors(16)
    data[3, 2] = np.nan
    model = vector_byol()
    with pytest.raises(ValueError, match=r"`x` must be finite.* Received: 1 of 48 values"):
        model.fit(tf.data.Dataset.from_tensor_slices(data).batch(8), verbose=0)
    assert int(model.batches_seen) == 0


def test_fit__with_steps_per_epoch_continues_in_the_order_of_an_uninterrupted_run():
    options = {"batch_size": 8, "steps_per_epoch": 3, "verbose": 0}
    whole, parted = vector_byol(), vector_byol()
    whole.fit(vectors(64), epochs=4, callbacks=[TargetEMA(0.9, "constant")], **options)
    for first, last in ((0, 2), (2, 4)):
        callbacks = [TargetEMA(0.9, "constant")]
        parted.fit(vectors(64), initial_epoch=first, epochs=last, callbacks=callbacks, **options)
    assert_same(weights_of(whole), weights_of(parted), atol=1e-6)


def test_datasets__leave_nothing_to_a_thread_that_tunes():
    """It may overlook for a minute that its iterator has been dropped, which whoever drops it waits for."""
    batches = ArrayBatches(np.arange(12), batch_size=4, shuffle=True, seed=0)
    loaded = stream.endless(lambda number: [np.full(4, number)], 0, [((4,), "int64")])
    for data in (batches.epoch(), batches.endless(0), loaded, timed(loaded)[0]):
        assert data.options().autotune.enabled is False
