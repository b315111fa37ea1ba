"""BYOL under a strategy, on two logical CPUs of one process."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, noisy_vectors, pictures, two_devices, vector_byol, vectors

import byol_keras as bk
from byol_keras.callbacks import TargetEMA
from byol_keras.stepping import agree
from byol_keras.views import positional_uniform


def one_device():
    return tf.distribute.OneDeviceStrategy("CPU:0")


def synchronized_encoder(features=5):
    layers = [
        keras.Input((6,)),
        keras.layers.Dense(16),
        bk.layers.BatchNormalization(momentum=0.9, synchronized=True),
        keras.layers.ReLU(),
        keras.layers.Dense(features),
    ]
    return keras.Sequential(layers)


class PositionalNoise(bk.views.Views):
    """Noise that a row draws by its place in the global batch."""

    def view(self, batch, seed, index):
        uniform = positional_uniform(seed, tf.shape(batch)[0], batch.shape[1])
        return batch + 0.3 * tf.cast(uniform, tf.float32)


def vector_run(strategy, steps, **options):
    keras.utils.set_random_seed(3)
    with strategy.scope():
        heads = {"hidden": 16, "output": 4, "synchronized": True}
        model = bk.BYOL(
            synchronized_encoder(),
            views=PositionalNoise(),
            projector=bk.heads.projector(5, **heads),
            predictor=bk.heads.predictor(4, **heads),
        )
        model.compile(bk.LARS(0.03, weight_decay=1e-3), **options)
    data = vectors(8 * steps)
    history = model.fit(data, batch_size=8, shuffle=False, callbacks=[TargetEMA(0.9)], verbose=0).history
    return [weight.numpy() for weight in model.weights], history


@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 5}])
def test_mirrored__ten_steps_equal_one_device(options):
    """LARS, synchronised batch normalisation, EMA and random views at the same global batch."""
    one, two = (vector_run(strategy, 10, **options) for strategy in (one_device(), two_devices()))
    assert_same(one[0], two[0], atol=1e-5)
    for name in ("loss", "tau", "learning_rate"):
        np.testing.assert_allclose(one[1][name], two[1][name], rtol=1e-5, err_msg=name)


def test_mirrored__pictures_and_random_views_equal_one_device_over_one_step():
    results = []
    for strategy in (one_device(), two_devices()):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            heads = {"hidden": 8, "output": 4, "synchronized": True}
            model = bk.BYOL(
                bk.encoders.small_resnet((16, 16, 3), widths=(4,), synchronized=True),
                views=bk.views.ImageViews(16, preset="cifar"),
                projector=bk.heads.projector(4, **heads),
                predictor=bk.heads.predictor(4, **heads),
            )
            model.compile(keras.optimizers.SGD(0.05))
        model.fit(pictures(8), batch_size=8, shuffle=False, verbose=0)
        results.append([weight.numpy() for weight in model.weights])
    assert_same(*results, atol=1e-5)


def test_mirrored__gradients_are_those_of_the_global_batch():
    """Without statistics and noise, two replicas of 4 take the very step that one device takes on 8."""
    pairs = {"view_1": vectors(8), "view_2": vectors(8, seed=2)}
    steps = []
    for strategy in (one_device(), two_devices()):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            encoder = keras.Sequential(
                [keras.Input((6,)), keras.layers.Dense(5, kernel_regularizer=keras.regularizers.L2(0.01))]
            )
            head = [keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)]) for _ in range(2)]
            model = bk.BYOL(encoder, projector=head[0], predictor=head[1])
            model.compile(keras.optimizers.SGD(1.0))
        before = encoder.get_weights()
        model.fit(pairs, batch_size=8, verbose=0)
        steps.append([a - b for a, b in zip(encoder.get_weights(), before, strict=True)])
    assert_same(*steps, atol=1e-6)
    assert np.abs(steps[0][0]).max() > 1e-3


def replica_draws(views):
    """What each of two replicas makes of the same zeros."""
    strategy, draws = two_devices(), []
    with strategy.scope():
        model = vector_byol(views=views)
        zeros = tf.zeros((4, 6))
        results = strategy.run(lambda: model.views_of(zeros, tf.constant([1, 2]))[0])
    draws = strategy.experimental_local_results(results)
    return [draw.numpy() for draw in draws]


@pytest.mark.parametrize("views", [noisy_vectors, PositionalNoise()])
def test_mirrored__replicas_draw_different_views(views):
    one, other = replica_draws(views)
    assert not np.allclose(one, other, atol=1e-3)


def test_mirrored__a_failed_step_changes_nothing_on_any_replica():
    def broken(batch, seed):
        first, second = noisy_vectors(batch, seed)
        return first + tf.where(batch[0, 0] > 1000.0, np.nan, 0.0), second

    data = vectors(24)
    data[16, 0] = 2000.0  # in the third batch, on the first replica only
    keras.utils.set_random_seed(3)
    with two_devices().scope():
        model = vector_byol(views=broken)
    states = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: states.append([v.numpy() for v in model.trainable_variables])
    )
    with pytest.raises(ValueError, match="non-finite at step 3"):
        model.fit(data, batch_size=8, shuffle=False, callbacks=[record], verbose=0)
    assert len(states) == 2
    for variable, last in zip(model.trainable_variables, states[-1], strict=True):
        for replica in variable.value.values:
            np.testing.assert_array_equal(replica, last)


@pytest.mark.parametrize(
    ("size", "rule"), [(2, "at least 2 on every replica.*2 on 2 replica"), (5, "multiple of the 2")]
)
def test_mirrored__a_batch_that_replicas_cannot_share_is_refused(size, rule):
    with two_devices().scope():
        model = vector_byol()
    with pytest.raises(ValueError, match=f"`batch_size` must be .*{rule}"):
        model.fit(vectors(20), batch_size=size, verbose=0)


def test_mirrored__a_distributed_batch_of_one_per_replica_is_refused():
    strategy = two_devices()
    with strategy.scope():
        model = vector_byol()
    data = tf.data.Dataset.from_tensor_slices(vectors(16)).batch(2, drop_remainder=True)
    with pytest.raises(ValueError, match=r"at least 2 on every replica"):
        model.fit(strategy.experimental_distribute_dataset(data), verbose=0)


def test_mirrored__validation_ends_in_a_batch_that_only_one_replica_gets():
    with two_devices().scope():
        model = vector_byol()
    result = model.evaluate(vectors(9), batch_size=8, verbose=0, return_dict=True)
    assert np.isfinite([result["loss"], result["target_std"]]).all()


def test_mirrored__validation_draws_the_views_of_one_device_in_every_batch():
    losses = []
    for strategy in (one_device(), two_devices()):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            model = bk.BYOL(synchronized_encoder(), views=PositionalNoise())
            model.compile("sgd")
        losses.append(model.evaluate(vectors(64), batch_size=16, verbose=0, return_dict=True)["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_mirrored__gradient_accumulation_is_refused():
    with (
        two_devices().scope(),
        pytest.raises(ValueError, match="`gradient_accumulation_steps` does not work"),
    ):
        vector_byol(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))


@pytest.mark.parametrize(("precision", "refused"), [("float16", True), ("bfloat16", False)])
def test_mirrored__float16_is_not_compiled(precision, refused, monkeypatch):
    bk.set_precision(precision)
    monkeypatch.setattr(keras.Model, "_resolve_auto_jit_compile", lambda self: True)  # as on a GPU
    with two_devices().scope():
        assert vector_byol().jit_compile != refused
        with pytest.raises(ValueError, match="`jit_compile` must be False") if refused else contextlib.nullcontext():
            vector_byol(compile_options={"jit_compile": True})


def test_mirrored__fit_works_inside_the_scope_too():
    with two_devices().scope():
        model = vector_byol()
        model.fit(vectors(32), batch_size=8, epochs=2, verbose=0)
    assert model.optimizer.iterations.numpy() == 8


@pytest.mark.parametrize(("bad", "expected"), [(0, False), (1, False), (2, True)])
def test_agree__is_true_where_every_replica_says_so(bad, expected):
    strategy = two_devices()

    @tf.function
    def run():
        return strategy.run(lambda: agree(tf.distribute.get_replica_context().replica_id_in_sync_group != bad))

    assert [bool(flag) for flag in strategy.experimental_local_results(run())] == [expected] * 2


def test_mirrored__takes_a_dataset_that_was_distributed_already():
    results = []
    for distribute in (False, True):
        strategy = two_devices()
        with strategy.scope():
            model = vector_byol()
        data = tf.data.Dataset.from_tensor_slices(vectors(16)).batch(8, drop_remainder=True)
        data = strategy.experimental_distribute_dataset(data) if distribute else data
        model.fit(data, callbacks=[TargetEMA(0.9, "constant")], verbose=0)
        results.append([variable.numpy() for variable in model.trainable_variables])
    assert_same(*results, atol=1e-6)
