"""BYOL as a Keras model: what it takes, how it runs, and that runs repeat."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, noisy_vectors, picture_byol, pictures, vector_byol, vectors, weights_of

import byol_keras as bk
from byol_keras.callbacks import TargetEMA


def test_call__is_the_online_encoder_for_both_kinds_of_pixels():
    model = picture_byol(bk.encoders.small_resnet((16, 16, 3), widths=(4, 8)))
    images = pictures(8)
    features = model.predict(images, verbose=0)
    np.testing.assert_allclose(features, model.encoder(images / np.float32(255)), atol=1e-5)
    np.testing.assert_allclose(features, model.predict(images / np.float32(255), verbose=0), atol=1e-6)
    np.testing.assert_allclose(features, model(images), atol=1e-5)


def test_fit__logs_the_four_metrics_as_epoch_means():
    model = vector_byol()
    batch_losses = []
    record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: batch_losses.append(logs["loss"]))
    history = model.fit(vectors(32), batch_size=8, callbacks=[record], verbose=0).history
    assert set(history) == {"loss", "target_std", "tau", "learning_rate"}
    assert history["loss"][0] == pytest.approx(batch_losses[-1])
    assert len({round(loss, 6) for loss in batch_losses}) == 4
    assert history["learning_rate"] == [pytest.approx(0.1)]


def test_fit__learning_rate_and_tau_show_the_newest_value():
    schedule = bk.schedules.WarmupCosine(1.0, total_steps=4)
    history = vector_byol(keras.optimizers.SGD(schedule)).fit(vectors(32), batch_size=8, verbose=0).history
    np.testing.assert_allclose(history["learning_rate"], [float(schedule(3))], rtol=1e-6)
    np.testing.assert_allclose(history["tau"], [1.0])


def as_dataset(data, labels):
    return tf.data.Dataset.from_tensor_slices((data, labels)).batch(8)


@pytest.mark.parametrize("form", ["array", "labelled", "tf", "dataset", "labelled dataset", "generator"])
def test_fit__takes_every_form_of_data_and_ignores_labels(form):
    data, labels = vectors(32), np.arange(32)
    forms = {
        "array": (data,),
        "labelled": (data, labels),
        "tf": (tf.constant(data),),
        "dataset": (tf.data.Dataset.from_tensor_slices(data).batch(8),),
        "labelled dataset": (as_dataset(data, labels),),
        "generator": ((data[i : i + 8] for i in range(0, 32, 8)),),
    }
    model = vector_byol()
    size = 8 if form in ("array", "labelled", "tf") else None
    model.fit(*forms[form], batch_size=size, shuffle=False, callbacks=[TargetEMA(total_steps=4)], verbose=0)
    reference = vector_byol()
    reference.fit(data, batch_size=8, shuffle=False, verbose=0)
    assert_same(weights_of(model), weights_of(reference), atol=1e-6)


def test_fit__takes_ready_made_pairs_as_dict_and_as_nested_tuple():
    first, second = vectors(32), vectors(32, seed=2)
    results = []
    for pairs in (
        {"view_1": first, "view_2": second},
        tf.data.Dataset.from_tensor_slices({"view_1": first, "view_2": second}).batch(8),
    ):
        model = vector_byol(views=None)
        model.fit(pairs, batch_size=8 if isinstance(pairs, dict) else None, shuffle=False, verbose=0)
        results.append(weights_of(model))
    assert_same(*results, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "received"),
    [({"batch_size": 8}, "batch_size=8"), ({"validation_split": 0.5}, "validation_split=0.5")],
)
def test_fit__refuses_for_a_dataset_what_is_for_arrays(options, received):
    model, labels = vector_byol(), np.arange(32)
    with pytest.raises(ValueError, match=rf"`batch_size` and `validation_split` are for arrays.*{received}"):
        model.fit(as_dataset(vectors(32), labels), verbose=0, **options)
    assert int(model.optimizer.iterations) == 0
    model.fit(as_dataset(vectors(32), labels), validation_split=0.5, validation_data=vectors(8), verbose=0)
    assert int(model.optimizer.iterations) == 4


def test_compile__refuses_a_loss_in_the_place_where_keras_has_it():
    model = vector_byol()
    with pytest.raises(ValueError, match=r"the loss belongs to the model's constructor.* Received: loss='mse'$"):
        model.compile("sgd", "mse", metrics=None)
    model.compile("sgd", None, run_eagerly=True)
    assert model.run_eagerly is True


def test_fit__validates_on_views_of_held_out_data():
    model = vector_byol()
    history = model.fit(vectors(40), batch_size=8, validation_split=0.2, verbose=0).history
    assert {"val_loss", "val_target_std"} <= set(history)
    assert int(model.batches_seen) == 4
    history = model.fit(vectors(16), validation_data=(vectors(10), np.zeros(10)), batch_size=8, verbose=0).history
    assert 0.0 < history["val_loss"][0] < 8.0


def test_fit__drops_the_last_partial_batch_and_sees_every_example_in_time():
    seen = []

    def watched(batch, seed):
        tf.py_function(lambda values: seen.append(values.numpy()[:, 0]), [batch], [])
        return noisy_vectors(batch, seed)

    data = np.tile(np.arange(10, dtype="float32")[:, None], (1, 6))
    model = vector_byol(views=watched)
    seen.clear()
    model.fit(data, batch_size=4, epochs=8, verbose=0)
    trained = seen[-16:]
    assert all(len(batch) == 4 for batch in trained)
    epochs = [np.concatenate(trained[i : i + 2]) for i in range(0, 16, 2)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert set(np.concatenate(epochs)) == set(range(10))
    assert len({tuple(epoch) for epoch in epochs}) == 8


def test_fit__steps_per_epoch_runs_on_into_the_next_epoch_of_an_array():
    model = vector_byol()
    model.fit(vectors(16), batch_size=8, epochs=2, steps_per_epoch=3, verbose=0)
    assert int(model.optimizer.iterations) == 6


def test_fit__same_seed_gives_the_same_weights_twice_and_another_seed_others():
    runs = []
    for seed in (0, 0, 1):
        model = vector_byol(seed=seed)
        model.fit(vectors(32), batch_size=8, epochs=2, verbose=0)
        runs.append(weights_of(model)[2:])
    assert_same(runs[0], runs[1])
    assert not np.allclose(runs[0][0], runs[2][0], atol=1e-4)


def test_train_step__draws_new_views_for_every_batch():
    model = vector_byol(keras.optimizers.SGD(0.0))
    same = np.tile(vectors(8), (4, 1))
    losses = []
    record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: losses.append(logs["loss"] * (b + 1)))
    model.fit(same, batch_size=8, shuffle=False, callbacks=[record], verbose=0)
    each = np.diff([0.0, *losses])
    assert len({round(float(loss), 5) for loss in each}) == 4


def test_train_step__is_traced_once_over_two_epochs_and_two_fits():
    model, traces = vector_byol(), []
    step = model.train_step

    def counted(data):
        traces.append(1)
        return step(data)

    model.train_step = counted
    for epochs in (2, 1):
        model.fit(vectors(32), batch_size=8, epochs=epochs, verbose=0)
    assert len(traces) == 1


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"run_eagerly": True}])
def test_train_step__equals_plain_graph_mode_over_one_step(options):
    results = []
    for compile_options in ({"jit_compile": False}, options):
        model = vector_byol(bk.LARS(0.1), compile_options)
        model.fit(vectors(8), batch_size=8, callbacks=[TargetEMA(0.5, "constant")], verbose=0)
        results.append(weights_of(model))
    assert_same(*results, atol=2e-6)


def test_train_step__on_pictures_under_jit_equals_no_jit_over_one_step():
    results = []
    for jit in (False, True):
        keras.utils.set_random_seed(5)
        model = picture_byol(bk.encoders.small_resnet((16, 16, 3), widths=(4,)), jit_compile=jit)
        model.fit(pictures(8), batch_size=8, callbacks=[TargetEMA(0.5, "constant")], verbose=0)
        results.append(weights_of(model))
    assert_same(*results, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision__trains_close_to_float32(policy):
    losses = []
    for name in ("float32", policy):
        keras.config.set_dtype_policy(name)
        model = vector_byol(bk.LARS(0.1))
        if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
            model.optimizer.dynamic_scale.assign(128.0)  # the default is too large for the first step
        losses.append(model.fit(vectors(64), batch_size=16, epochs=3, verbose=0).history["loss"])
    assert all(v.dtype == "float32" for v in model.trainable_variables)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (policy == "mixed_float16")
    assert int(model.optimizer.iterations) == 12
    np.testing.assert_allclose(losses[0], losses[1], atol=0.1)


def test_float16__a_scaled_gradient_that_overflows_skips_the_step_and_the_target():
    keras.config.set_dtype_policy("mixed_float16")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=2.0**40)
    model = vector_byol(optimizer)
    before = weights_of(model.encoder)[0], weights_of(model.target_encoder)[0]
    model.fit(vectors(8), batch_size=8, callbacks=[TargetEMA(0.0, "constant")], verbose=0)
    assert int(model.optimizer.iterations) == 0
    np.testing.assert_array_equal(before[0], weights_of(model.encoder)[0])
    np.testing.assert_array_equal(before[1], weights_of(model.target_encoder)[0])
    model.fit(vectors(8), batch_size=8, epochs=40, callbacks=[TargetEMA(0.0, "constant")], verbose=0)
    assert int(model.optimizer.iterations) > 0


def test_preprocessor__comes_before_the_views_and_is_not_trained():
    scale = keras.layers.Rescaling(0.5)
    model = vector_byol(preprocessor=keras.Sequential([keras.Input((6,)), scale]))
    plain = vector_byol()
    data = vectors(32)
    np.testing.assert_allclose(model.predict(2.0 * data, verbose=0), plain.predict(data, verbose=0), atol=1e-6)
    model.fit(2.0 * data, batch_size=8, verbose=0)
    plain.fit(data, batch_size=8, verbose=0)
    assert_same(weights_of(model.encoder), weights_of(plain.encoder), atol=1e-6)


def test_views_of__are_what_the_encoders_are_given():
    halve = keras.Sequential([keras.Input((6,)), keras.layers.Rescaling(0.5)])
    seed, data = tf.constant([1, 2]), vectors(8)
    own = vector_byol(preprocessor=halve).views_of(2.0 * data, seed)
    brought = vector_byol(preprocessor=halve, views=None).views_of({"view_1": 2.0 * data, "view_2": 4.0 * data}, seed)
    assert_same(own, noisy_vectors(data, seed), atol=1e-6)
    assert_same(brought, [data, 2.0 * data], atol=1e-6)


def test_loss__may_be_any_function_of_prediction_and_target():
    def squared(prediction, target):
        return tf.reduce_sum((prediction - target) ** 2, axis=-1)

    model = vector_byol(loss=squared)
    model.fit(vectors(16), batch_size=8, verbose=0)
    assert model.loss_function is squared


def test_predictor__false_removes_it():
    model = vector_byol(predictor=False)
    assert model.predictor is None
    model.fit(vectors(16), batch_size=8, verbose=0)


def test_heads__default_to_widths_that_suit_the_encoder():
    model = bk.BYOL(mlp_encoder(features=16), views=noisy_vectors)
    hidden, output = bk.heads.head_widths(16)
    assert model.projector.output_shape == (None, output)
    assert model.projector.layers[0].units == hidden
    assert model.predictor.output_shape == (None, output)


def test_trainable__false_leaves_nothing_to_train():
    model = vector_byol()
    assert model.trainable_variables
    model.trainable = False
    for frozen in (model, bk.BYOL(mlp_encoder(), views=noisy_vectors, trainable=False)):
        assert frozen.trainable_variables == frozen.trainable_weights == []
        assert len(frozen.non_trainable_variables) == len(frozen.variables)
