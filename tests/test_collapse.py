"""`CollapseMonitor`: BYOL holds its spread, BYOL without a predictor loses it, and somebody says so."""

import functools
import itertools
import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, noise, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras.callbacks import CollapseMonitor, TargetEMA


def loud_vectors(batch, seed):
    """Views that leave little of an example: what they share is soon nothing, where nothing prevents it."""
    seeds = tf.random.split(seed, 2, alg="philox")
    return tuple(batch + 2.0 * noise(tf.shape(batch), seeds[i]) for i in range(2))


def watched(monitor, epochs=13, examples=1024, batch_size=64, fit=None, **options):
    """Fits a model on vectors under the eyes of `monitor`; returns the model and the messages of its warnings."""
    model = vector_byol(**{"views": loud_vectors} | options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callbacks = [TargetEMA(0.9, "constant"), monitor]
        model.fit(vectors(examples), batch_size=batch_size, epochs=epochs, callbacks=callbacks, verbose=0, **fit or {})
    return model, [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]


def blobs(count=512, size=16):
    """Pictures of one bright Gaussian spot in a random place, colour and width."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    y, x = generator.uniform(3, size - 3, (2, count, 1, 1))
    width = generator.uniform(1, 4, (count, 1, 1))
    spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width**2))[..., None]
    paper, ink = generator.uniform(0, 1, (2, count, 1, 1, 3))
    return (paper + spot * (ink - paper)).astype("float32")


def judged_on_pictures(predictor):
    keras.utils.set_random_seed(1)
    model = bk.BYOL(
        bk.encoders.small_resnet((16, 16, 3), widths=(8, 16)),
        views=bk.views.ImageViews(16, preset="cifar"),
        projector=bk.heads.projector(16, hidden=128, output=32),
        predictor=predictor,
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    monitor = CollapseMonitor(examples=blobs(64))
    callbacks = [TargetEMA(0.9, "constant"), monitor]
    spread = model.fit(blobs(), batch_size=32, epochs=8, callbacks=callbacks, verbose=0).history["target_std"]
    return spread, monitor


@pytest.mark.slow
def test_monitor__tells_pictures_with_a_predictor_from_pictures_without():
    held, silent = judged_on_pictures(bk.heads.predictor(32, hidden=128, output=32))
    assert silent.verdict.state == "healthy"
    assert held[-1] > 0.5
    with pytest.warns(UserWarning, match="Collapsed: target_std fell from 0.79"):
        fallen, _ = judged_on_pictures(False)
    assert fallen[-1] < 0.5 * held[-1]
    assert all(later < earlier for earlier, later in itertools.pairwise(fallen))


def test_monitor__stops_a_run_without_predictor_within_200_steps_and_says_why():
    monitor = CollapseMonitor(action="stop", examples=vectors(64))
    model, messages = watched(monitor, predictor=False)
    assert int(model.optimizer.iterations) < 100
    assert monitor.verdict.state == "collapsed"
    assert messages == [monitor.verdict.sentence]
    assert monitor.latest["uniformity"] > -0.1


def test_monitor__warns_once_and_lets_the_run_go_on():
    monitor = CollapseMonitor()
    model, messages = watched(monitor, predictor=False)
    assert int(model.optimizer.iterations) == 13 * 16
    assert len(messages) == 1
    assert "no predictor" in messages[0]


def test_monitor__is_silent_on_a_healthy_run_and_does_not_change_it():
    monitor = CollapseMonitor(examples=vectors(64))
    seen, messages = watched(monitor, epochs=7)
    assert (monitor.verdict.state, messages) == ("healthy", [])
    unseen, _ = watched(keras.callbacks.Callback(), epochs=7)
    assert_same(weights_of(seen), weights_of(unseen))


def test_monitor__logs_its_numbers_every_epoch():
    model = vector_byol()
    monitor = CollapseMonitor(examples=vectors(40), every=3)
    history = model.fit(vectors(), batch_size=16, epochs=2, callbacks=[monitor], verbose=0).history
    assert {name: len(history[name]) for name in ("effective_rank", "alignment", "uniformity")} == {
        "effective_rank": 2,
        "alignment": 2,
        "uniformity": 2,
    }
    assert monitor.latest["effective_rank"] == history["effective_rank"][-1]
    assert [point["step"] for point in monitor.history] == [1, 4, 7]


def test_monitor__measures_examples_seldom_once_a_run_is_under_way():
    monitor = CollapseMonitor(examples=vectors(40), every=2, examine_every=6)
    model = vector_byol()
    fit = functools.partial(model.fit, vectors(320), batch_size=16, callbacks=[monitor], verbose=0)
    fit(epochs=1)
    again = CollapseMonitor(examples=vectors(40), every=2, examine_every=6)
    again.set_state(json.loads(json.dumps(monitor.get_state())))
    assert again.latest == monitor.latest
    fit(epochs=2, initial_epoch=1, callbacks=[again])
    assert [point["step"] for point in again.history] == list(range(1, 40, 2))
    examined = [point for point in again.history if "effective_rank" in point]
    assert [point["step"] for point in examined] == [*range(1, 20, 2), 25, 31, 37]
    assert again.latest == examined[-1] | again.history[-1]
    assert again.since(31) == examined[-1] | again.history[-1]
    assert again.since(37) == again.history[-1]
    assert again.since(39) == {}


def test_monitor__measures_examples_the_more_seldom_the_more_there_are():
    assert [CollapseMonitor(examples=vectors(count)).examine_every for count in (2, 41, 256)] == [1, 21, 128]


def test_monitor__measures_what_the_functions_do():
    model = vector_byol()
    monitor = CollapseMonitor(examples=vectors(40), every=100)
    model.fit(vectors(16), batch_size=16, epochs=1, callbacks=[TargetEMA(0.9, "constant"), monitor], verbose=0)
    views = model.views(vectors(40), tf.constant([0, 0]))
    first, second = (model.projector(model.encoder(view)) for view in views)
    expected = {
        "effective_rank": bk.evaluation.effective_rank(model.predict(vectors(40), verbose=0)),
        "alignment": bk.evaluation.alignment(first, second),
        "uniformity": (bk.evaluation.uniformity(first) + bk.evaluation.uniformity(second)) / 2.0,
    }
    for name, value in expected.items():
        assert monitor.latest[name] == pytest.approx(float(value), rel=1e-4), name


class Totals(keras.callbacks.Callback):
    """The sum of `target_std` over the steps of an epoch, after every call."""

    def on_train_begin(self, logs=None):
        self.at = {0: 0.0}

    def on_train_batch_end(self, batch, logs=None):
        self.at[batch + 1] = float(self.model.std_tracker.total) / 16


@pytest.mark.parametrize(("together", "looks"), [(1, [1, 5]), (3, [3])])
def test_monitor__takes_the_windows_mean_out_of_the_epochs(together, looks):
    monitor, totals = CollapseMonitor(every=4), Totals()
    model = vector_byol(compile_options={"steps_per_execution": together})
    model.fit(vectors(96), batch_size=16, epochs=1, callbacks=[monitor, totals], verbose=0)
    assert [point["step"] for point in monitor.history] == looks
    for start, point in zip([0, *looks], monitor.history, strict=False):
        end = point["step"]
        assert point["target_std"] == pytest.approx((totals.at[end] - totals.at[start]) / (end - start), rel=1e-4)


def test_monitor__counts_no_batch_beyond_the_end_of_an_epoch():
    """Keras calls the last of ten batches the twelfth where it runs four at once."""
    monitor = CollapseMonitor()
    monitor.set_params({"steps": 10})
    monitor.history = [{"step": 0, "target_std": 0.8}]
    for batch, mean in ((3, 0.8), (7, 0.8), (11, 0.76)):
        monitor.on_train_batch_end(batch, {"target_std": mean})
    assert monitor._window.count == 10
    assert monitor._window.take() == pytest.approx(0.76)


def test_monitor__windows_go_on_across_epochs():
    monitor = CollapseMonitor(every=4)
    model = vector_byol()
    spread = model.fit(vectors(48), batch_size=16, epochs=3, callbacks=[monitor], verbose=0).history["target_std"]
    assert [point["step"] for point in monitor.history] == [1, 5, 9]
    weighted = monitor.history[0]["target_std"] + 4 * sum(point["target_std"] for point in monitor.history[1:])
    assert weighted == pytest.approx(3 * sum(spread), rel=1e-4)


def test_monitor__continued_gives_the_verdict_of_one_never_interrupted():
    whole = CollapseMonitor(every=7)
    _, all_messages = watched(whole, epochs=4, predictor=False)
    first, second = CollapseMonitor(every=7), CollapseMonitor(every=7)
    model, messages = watched(first, epochs=2, predictor=False)
    second.set_state(json.loads(json.dumps(first.get_state())))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callbacks = [TargetEMA(0.9, "constant"), second]
        model.fit(vectors(1024), batch_size=64, initial_epoch=2, epochs=4, callbacks=callbacks, verbose=0)
    assert second.verdict == whole.verdict
    assert second.history == whole.history
    assert [*messages, *(str(warning.message) for warning in caught)] == all_messages


def test_monitor__of_a_run_set_back_measures_again_what_lies_ahead():
    monitor = CollapseMonitor(every=2)
    monitor.set_state(
        {
            "history": [{"step": step, "target_std": 0.5} for step in (1, 100, 200)],
            "window": [0.0, 0],
            "verdict": {"state": "unknown", "sentence": ""},
        }
    )
    vector_byol().fit(vectors(), batch_size=16, epochs=1, callbacks=[monitor], verbose=0)
    assert [point["step"] for point in monitor.history] == [1, 2, 4]


def test_monitor__forgets_one_model_when_it_watches_another():
    monitor = CollapseMonitor(examples=vectors(8))
    for encoder in (mlp_encoder, lambda: mlp_encoder(hidden=8)):
        vector_byol(encoder=encoder).fit(vectors(), batch_size=16, epochs=2, callbacks=[monitor], verbose=0)
    assert [point["step"] for point in monitor.history] == [1]


def test_monitor__remembers_a_long_run_in_little():
    monitor = CollapseMonitor(every=1)
    measured = [{"effective_rank": 5.0} if i % 8 == 1 else {} for i in range(2000)]
    history = [{"step": i - 3000, "target_std": 0.8} | more for i, more in enumerate(measured)]
    state = monitor.get_state() | {"history": history}
    monitor.set_state(state)
    vector_byol().fit(vectors(512), batch_size=4, epochs=1, callbacks=[monitor], verbose=0)
    assert len(monitor.history) <= 512
    assert monitor.history[0] == {"step": -3000, "target_std": 0.8, "effective_rank": 5.0}
    assert monitor.verdict.state == "healthy"


def test_monitor__leaves_the_random_state_of_stateful_views_alone():
    def trained(examples):
        keras.utils.set_random_seed(3)
        views = bk.views.from_layers([keras.layers.GaussianNoise(0.3, seed=1)])
        model = vector_byol(views=views)
        monitor = CollapseMonitor(examples=examples, every=3)
        model.fit(vectors(), batch_size=16, epochs=2, callbacks=[monitor], verbose=0)
        return model

    assert_same(weights_of(trained(vectors(20))), weights_of(trained(None)))


def test_monitor__takes_pairs_where_the_data_brings_them():
    pair = {"view_1": vectors(seed=1), "view_2": vectors(seed=2)}
    model = vector_byol(views=None)
    monitor = CollapseMonitor(examples=pair)
    data = tf.data.Dataset.from_tensor_slices(pair).batch(16)
    model.fit(data, epochs=1, callbacks=[TargetEMA(0.9, "constant"), monitor], verbose=0)
    assert 1.0 < monitor.latest["effective_rank"] < 5.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"action": "shout"}, "`action` must be 'warn' or 'stop'. Received: action='shout'"),
        ({"every": 0}, "`every` must be a positive integer"),
        ({"examine_every": 0}, "`examine_every` must be a positive integer"),
        ({"examples": np.ones((1, 6))}, "`examples` must be arrays of one length, two examples or more"),
        ({"examples": tf.data.Dataset.range(4)}, "`examples` must be an array or a structure of arrays"),
        ({"examples": ["see", "it"]}, "`examples` must be an array or a structure of arrays"),
        ({"examples": {"a": np.ones((3, 6)), "b": np.ones((4, 6))}}, r"Received: arrays of the lengths \[3, 4\]"),
    ],
)
def test_monitor__refuses_what_it_cannot_use(arguments, message):
    with pytest.raises(ValueError, match=message):
        CollapseMonitor(**arguments)


def test_monitor__refuses_a_model_without_target_std():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="needs a model that logs `target_std`"):
        model.fit(vectors(8), np.ones((8, 1)), callbacks=[CollapseMonitor()], verbose=0)
