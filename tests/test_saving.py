"""Saving, loading and going on."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
from builders import assert_same, noisy_vectors, pictures, vector_byol, vectors

import byol_keras as bk
from byol_keras.callbacks import TargetEMA


def state_of(model):
    return [variable.numpy() for variable in model.variables + model.optimizer.variables]


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "run.keras"


def test_save__restores_every_variable_and_the_compile_state(file):
    schedule = bk.schedules.WarmupCosine(0.1, total_steps=20, warmup_steps=2)
    model = vector_byol(bk.LARS(schedule, weight_decay=0.01), {"steps_per_execution": 2, "jit_compile": True})
    model.fit(vectors(32), batch_size=8, verbose=0)
    model.save(file)
    loaded = keras.models.load_model(file)
    assert_same(state_of(model), state_of(loaded))
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert (loaded.steps_per_execution, loaded.jit_compile) == (2, True)
    assert loaded.optimizer._excluded_keys is not None
    np.testing.assert_array_equal(model.predict(vectors(8), verbose=0), loaded.predict(vectors(8), verbose=0))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_save__continuing_after_a_reload_equals_never_having_stopped(file, policy):
    keras.config.set_dtype_policy(policy)
    data = vectors(64)

    def fresh():
        return vector_byol(bk.LARS(bk.schedules.WarmupCosine(0.1, total_steps=24, warmup_steps=4)))

    uninterrupted = fresh()
    uninterrupted.fit(data, batch_size=8, epochs=3, callbacks=[TargetEMA(total_steps=24)], verbose=0)

    stopped = fresh()
    stopped.fit(data, batch_size=8, epochs=2, callbacks=[TargetEMA(total_steps=24)], verbose=0)
    stopped.save(file)
    loaded = keras.models.load_model(file)
    assert isinstance(loaded.optimizer, type(uninterrupted.optimizer))
    # float16 skipped a step while it looked for its loss scale: there the horizon can't be counted from here.
    horizon = None if policy == "float32" else 24
    loaded.fit(data, batch_size=8, initial_epoch=2, epochs=3, callbacks=[TargetEMA(total_steps=horizon)], verbose=0)
    assert_same(state_of(uninterrupted), state_of(loaded), atol=1e-6)


def test_save__keeps_accumulation_and_its_schedule(file):
    schedule = bk.schedules.WarmupCosine(0.1, total_steps=8)
    model = vector_byol(bk.LARS(schedule, gradient_accumulation_steps=4))
    model.fit(vectors(24), batch_size=8, verbose=0)
    model.save(file)
    loaded = keras.models.load_model(file)
    for run in (model, loaded):
        run.fit(vectors(24), batch_size=8, callbacks=[TargetEMA(total_steps=8)], verbose=0)
    assert_same(state_of(model), state_of(loaded), atol=1e-6)
    assert float(loaded.optimizer.learning_rate) == pytest.approx(float(schedule(1)))


def test_save__keeps_views_heads_loss_and_preprocessor(file):
    encoder = bk.encoders.small_resnet((16, 16, 3), widths=(4,))
    model = bk.BYOL(
        encoder,
        views=bk.views.ImageViews(16, preset="cifar", grayscale=0.4),
        projector=bk.heads.projector(4, hidden=6, output=5),
        predictor=False,
        loss=bk.losses.regression_loss,
        preprocessor=keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Rescaling(0.5)]),
        seed=9,
    )
    model.compile(bk.LARS(0.1))
    model.save(file)
    loaded = keras.models.load_model(file)
    assert loaded.predictor is None
    assert loaded.seed == 9
    assert loaded.views.get_config() == model.views.get_config()
    images = pictures(8) / np.float32(255)
    np.testing.assert_array_equal(model.predict(images, verbose=0), loaded.predict(images, verbose=0))
    for run in (model, loaded):
        run.fit(images, batch_size=4, verbose=0)
    assert_same(state_of(model), state_of(loaded), atol=1e-6)


def test_save__a_model_that_was_never_compiled_loads_too(file):
    model = bk.BYOL(vector_byol().encoder, views=noisy_vectors)
    model.save(file)
    loaded = keras.models.load_model(file)
    assert_same([v.numpy() for v in model.variables], [v.numpy() for v in loaded.variables])


def test_config__covers_the_constructor():
    named = set(inspect.signature(bk.BYOL).parameters) - {"kwargs"}
    config = vector_byol().get_config()
    assert named <= set(config)
    assert {"name", "dtype"} <= set(config)


def test_weights_file__restores_the_state(tmp_path):
    model = vector_byol()
    model.fit(vectors(32), batch_size=8, verbose=0)
    model.save_weights(tmp_path / "run.weights.h5")
    other = vector_byol(seed=1)
    other.load_weights(tmp_path / "run.weights.h5")
    assert_same([v.numpy() for v in model.variables], [v.numpy() for v in other.variables])


def test_keras_callbacks__checkpoints_and_early_stopping_work(tmp_path):
    model = vector_byol()
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_loss"),
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=5),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    model.fit(vectors(32), batch_size=8, epochs=2, validation_data=vectors(8), callbacks=callbacks, verbose=0)
    assert keras.models.load_model(tmp_path / "best.keras").predict(vectors(4), verbose=0).shape == (4, 5)
    assert (tmp_path / "log.csv").read_text().startswith("epoch,")


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"auto_scale_loss": False}])
def test_save__keeps_how_the_model_was_compiled(file, options):
    """Under float16 Keras wraps the optimizer for loss scaling, unless it was told not to."""
    keras.config.set_dtype_policy("mixed_float16")
    model = vector_byol(bk.LARS(0.1), options)
    model.save(file)
    loaded = keras.models.load_model(file)
    for run in (model, loaded):
        assert run.run_eagerly == options.get("run_eagerly", False)
        scaled = isinstance(run.optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == options.get("auto_scale_loss", True)
