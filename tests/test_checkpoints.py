"""The file of a run's state, and the callback that writes it."""

import errno
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, vector_byol, vectors

import byol_keras as bk
from byol_keras import checkpoints
from byol_keras.callbacks import TargetEMA
from byol_keras.callbacks.checkpoint import RunCheckpoint

DATA = vectors(64)


def state_of(model):
    return [variable.numpy() for variable in model.variables + model.optimizer.variables]


def schedule():
    return bk.LARS(bk.schedules.WarmupCosine(0.1, total_steps=24, warmup_steps=4))


def train(model, epochs, initial_epoch=0, callbacks=()):
    ema = TargetEMA(total_steps=24)
    options = {"batch_size": 8, "epochs": epochs, "initial_epoch": initial_epoch, "verbose": 0}
    model.fit(DATA, callbacks=[ema, *callbacks], **options)


ARRAYS = {"kernel": np.arange(6, dtype="float32").reshape(2, 3), "count": np.int64(7), "empty": np.zeros((0, 2))}


def test_file__brings_back_arrays_and_note(tmp_path):
    path = checkpoints.save(tmp_path, 7, ARRAYS, {"step": 7, "name": "ä"})
    state = checkpoints.load(path)
    assert state.note == {"step": 7, "name": "ä"}
    for name, array in ARRAYS.items():
        assert state.arrays[name].dtype == np.asarray(array).dtype
        np.testing.assert_array_equal(state.arrays[name], array)


def test_file__keeps_bfloat16(tmp_path):
    values = keras.ops.cast([1.5, -2.0], "bfloat16").numpy()
    state = checkpoints.load(checkpoints.save(tmp_path, 1, {"half": values}, {}))
    assert state.arrays["half"].dtype == values.dtype
    assert state.arrays["half"].astype("float32").tolist() == [1.5, -2.0]


def test_file__notices_every_changed_byte_and_every_cut(tmp_path):
    path = checkpoints.save(tmp_path, 7, ARRAYS, {"step": 7})
    with open(path, "rb") as file:
        whole = file.read()
    broken = [whole[:length] for length in range(0, len(whole), 7)]
    broken += [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(0, len(whole), 5)]
    for content in broken:
        with open(path, "wb") as file:
            file.write(content)
        with pytest.raises(checkpoints.DamagedCheckpoint, match=r"truncated or damaged"):
            checkpoints.load(path)


def test_newest__falls_back_with_a_warning(tmp_path):
    for step in (1, 2, 3):
        path = checkpoints.save(tmp_path, step, {"x": np.float32(step)}, {"step": step})
    with open(path, "r+b") as file:
        file.truncate(20)
    with pytest.warns(UserWarning, match=r"step-000000003.state is truncated.*Falling back"):
        assert checkpoints.newest(tmp_path).note["step"] == 2


def test_newest__of_damaged_ones_alone_is_an_error(tmp_path):
    for step in (1, 2):
        (tmp_path / f"step-00000000{step}.state").write_bytes(b"half")
    message = "`folder` must hold a checkpoint that is whole.* Received: .* 2 damaged"
    with pytest.warns(UserWarning, match="Skipped"), pytest.raises(checkpoints.DamagedCheckpoint, match=message):
        checkpoints.newest(tmp_path)


@pytest.mark.parametrize("question", ["stat", "GFile"])
def test_newest__in_a_store_that_does_not_answer_is_no_damage(tmp_path, monkeypatch, question):
    def silent(*_):
        raise tf.errors.UnavailableError(None, None, "try again")

    checkpoints.save(tmp_path, 1, ARRAYS, {})
    monkeypatch.setattr(tf.io.gfile, question, silent)
    with pytest.raises(tf.errors.UnavailableError):
        checkpoints.newest(tmp_path)


def test_newest__of_nothing_is_none(tmp_path):
    assert checkpoints.newest(tmp_path / "missing") is None
    (tmp_path / "notes.txt").write_text("not a checkpoint")
    assert checkpoints.newest(tmp_path) is None


def test_prune__keeps_the_newest_and_removes_what_killed_writers_left(tmp_path):
    for step in (1, 20, 300, 4000):
        checkpoints.save(tmp_path, step, {}, {})
    (tmp_path / "step-000005000.state.writing-123").write_bytes(b"half")
    checkpoints.prune(tmp_path, keep=2, step=4000)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["step-000000300.state", "step-000004000.state"]


def test_prune__after_a_fall_back_keeps_what_was_just_written(tmp_path):
    for step in (50, 100, 200, 300):
        checkpoints.save(tmp_path, step, {}, {})
    checkpoints.prune(tmp_path, keep=2, step=100)
    assert checkpoints.saved_steps(tmp_path) == [50, 100]


def test_folder__of_another_run_is_refused_unless_that_one_is_continued(tmp_path):
    train(vector_byol(), epochs=1, callbacks=[RunCheckpoint(tmp_path, steps=4)])
    fresh = vector_byol()
    with pytest.raises(ValueError, match="call `restore\\(model\\)` before `fit`"):
        train(fresh, epochs=1, callbacks=[RunCheckpoint(tmp_path, steps=4)])
    assert checkpoints.saved_steps(tmp_path) == [4, 8]


def test_save__leaves_nothing_half_written_when_the_disk_is_full(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, ARRAYS, {"step": 1})

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("byol_keras.writing.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(tmp_path, 2, ARRAYS, {"step": 2})
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-000000001.state"]


def test_run__continued_from_a_checkpoint_equals_one_that_never_stopped(tmp_path):
    uninterrupted = vector_byol(schedule())
    train(uninterrupted, epochs=3)

    train(vector_byol(schedule()), epochs=2, callbacks=[RunCheckpoint(tmp_path, steps=5)])
    resumed = vector_byol(schedule(), seed=0)
    for variable in resumed.variables:
        variable.assign(variable.numpy() * 0 + 5)
    batches = RunCheckpoint(tmp_path).restore(resumed)
    assert batches == 16
    train(resumed, epochs=3, initial_epoch=batches // 8)
    assert_same(state_of(uninterrupted), state_of(resumed), atol=1e-6)


def test_steps__decide_when_to_save_and_keep_decides_how_many_stay(tmp_path):
    train(vector_byol(), epochs=2, callbacks=[RunCheckpoint(tmp_path, minutes=None, steps=3, keep=2)])
    assert checkpoints.saved_steps(tmp_path) == [15, 16]


def test_minutes__save_when_the_time_has_come(tmp_path):
    train(vector_byol(), epochs=1, callbacks=[RunCheckpoint(tmp_path, minutes=1e-9, keep=100)])
    assert checkpoints.saved_steps(tmp_path) == list(range(1, 9))


def test_restore__of_nothing_leaves_the_model_alone(tmp_path):
    model = vector_byol()
    before = state_of(model)
    assert RunCheckpoint(tmp_path).restore(model) == 0
    assert_same(before, state_of(model))


def test_restore__has_normalizations_compute_with_what_was_restored(tmp_path):
    data = vectors(16)
    scale = keras.layers.Normalization()
    scale.adapt(5.0 + 2.0 * data)
    model = vector_byol(preprocessor=scale)
    model.fit(data, batch_size=8, callbacks=[RunCheckpoint(tmp_path)], verbose=0)
    unadapted = keras.layers.Normalization()
    unadapted.build((None, 6))
    restored = vector_byol(preprocessor=unadapted)
    RunCheckpoint(tmp_path).restore(restored)
    np.testing.assert_allclose(restored.predict(data, verbose=0), model.predict(data, verbose=0), atol=1e-6)


def test_restore__refuses_another_model_and_names_the_variable(tmp_path):
    train(vector_byol(), epochs=1, callbacks=[RunCheckpoint(tmp_path)])
    other = vector_byol(keras.optimizers.Adam(0.1))
    before = state_of(other)
    with pytest.raises(ValueError, match=r"Received: optimizer variable .* is .* in the model, .* in the checkpoint"):
        RunCheckpoint(tmp_path).restore(other)
    assert_same(before, state_of(other))


def test_folder__is_not_written_over_by_a_model_that_was_not_restored(tmp_path):
    train(vector_byol(), epochs=1, callbacks=[RunCheckpoint(tmp_path, steps=4)])
    failed, other = RunCheckpoint(tmp_path, steps=1), vector_byol(keras.optimizers.Adam(0.1))
    with pytest.raises(ValueError, match="`model` must be the one"):
        failed.restore(other)
    restored = RunCheckpoint(tmp_path, steps=1)
    restored.restore(vector_byol())
    for checkpoint, model in ((failed, other), (restored, vector_byol())):
        with pytest.raises(ValueError, match="call `restore\\(model\\)` before `fit`"):
            train(model, epochs=1, callbacks=[checkpoint])
    assert checkpoints.saved_steps(tmp_path) == [4, 8]


@pytest.mark.parametrize("options", [{"keep": 0}, {"steps": 2.5}, {"steps": 0}, {"minutes": 0}, {"minutes": np.nan}])
def test_run_checkpoint__refuses_what_never_saves(options, tmp_path):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        RunCheckpoint(tmp_path, **options)


def test_save__before_there_is_a_model_says_what_it_needs(tmp_path):
    with pytest.raises(ValueError, match="`save` needs a model"):
        RunCheckpoint(tmp_path).save()


def test_others__are_saved_and_brought_back(tmp_path):
    class Counter:
        def __init__(self, seen):
            self.seen = seen

        def get_state(self):
            return {"seen": self.seen}

        def set_state(self, state):
            self.seen = state["seen"]

    train(vector_byol(), epochs=1, callbacks=[RunCheckpoint(tmp_path, others={"counter": Counter(5)})])
    counter = Counter(0)
    RunCheckpoint(tmp_path, others={"counter": counter, "new": Counter(1)}).restore(vector_byol())
    assert counter.seen == 5


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (mlp_encoder, TypeError, "`RunCheckpoint` needs a model that counts its batches"),
        (lambda: bk.BYOL(mlp_encoder()), ValueError, "`model` must be compiled"),
    ],
)
def test_restore__says_which_model_it_needs(tmp_path, model, error, message):
    with pytest.raises(error, match=message):
        RunCheckpoint(tmp_path).restore(model())


@pytest.mark.parametrize(("name", "value"), [("minutes", 0), ("steps", -1), ("keep", 0)])
def test_arguments__must_be_positive(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*positive.* Received: {name}={value}"):
        RunCheckpoint(tmp_path, **{name: value})


def test_checkpoint__of_a_mixed_precision_run_holds_the_loss_scale(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    model = vector_byol()
    train(model, epochs=1, callbacks=[RunCheckpoint(tmp_path)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed = vector_byol()
        RunCheckpoint(tmp_path).restore(resumed)
    assert_same(state_of(model), state_of(resumed))
