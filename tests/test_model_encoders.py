"""What may stand as BYOL's encoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, noisy_vectors, picture_byol, pictures, vector_byol, vectors, weights_of

import byol_keras as bk


def test_encoder__feature_maps_are_pooled():
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(8, 3)]
    model = picture_byol(keras.Sequential(layers))
    assert model.predict(pictures(4), verbose=0).shape == (4, 8)
    model.fit(pictures(8), batch_size=4, verbose=0)


def test_encoder__of_token_ids_trains():
    ids = keras.Input((12,), dtype="int32")
    embedded = keras.layers.Embedding(50, 8)(ids)
    encoder = keras.Model(ids, keras.layers.GlobalAveragePooling1D()(embedded))

    def rolled(batch, seed):
        return batch, tf.roll(batch, 1, axis=1)

    tokens = np.random.default_rng(0).integers(0, 50, (32, 12)).astype("uint8")
    model = bk.BYOL(encoder, views=rolled)
    model.compile(bk.LARS(0.1))
    before = model.encoder.get_weights()[0]
    model.fit(tokens, batch_size=8, verbose=0)
    assert np.abs(before - model.encoder.get_weights()[0]).max() > 1e-6
    np.testing.assert_allclose(model.predict(tokens, verbose=0), model.encoder(tokens.astype("int32")), atol=1e-6)


def test_encoder__of_sequences_with_a_recurrent_cell_trains():
    encoder = keras.Sequential([keras.Input((20, 1)), keras.layers.GRU(6)])

    def noisy(batch, seed):
        return noisy_vectors(batch, seed)

    series = np.random.default_rng(0).normal(size=(16, 20, 1)).astype("float32")
    model = bk.BYOL(encoder, views=noisy)
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(series, batch_size=8, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_encoder__with_several_inputs_trains():
    left, right = keras.Input((6,), name="left"), keras.Input((3,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    encoder = keras.Model({"left": left, "right": right}, keras.layers.Dense(5)(joined))

    def views(batch, seed):
        first, second = noisy_vectors(batch["left"], seed)
        return {**batch, "left": first}, {**batch, "left": second}

    data = {"left": vectors(16), "right": vectors(16, 3)}
    model = bk.BYOL(encoder, views=views)
    model.compile(bk.LARS(0.1))
    model.fit(data, batch_size=8, verbose=0)
    assert model.predict(data, verbose=0).shape == (16, 5)


class Subclassed(keras.Model):
    def __init__(self, units=5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return super().get_config() | {"units": self.units}


def test_encoder__subclassed_models_work_where_they_can_be_rebuilt():
    encoder = Subclassed()
    encoder(vectors(2))
    model = vector_byol(encoder=encoder)
    assert_same(weights_of(model.encoder), weights_of(model.target_encoder))
    model.fit(vectors(16), batch_size=8, verbose=0)


@pytest.mark.slow
@pytest.mark.long
def test_encoder__of_keras_applications_trains():
    backbone = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None)
    model = picture_byol(bk.encoders.pooled(backbone), size=32)
    before = model.encoder.trainable_variables[0].numpy()
    model.fit(pictures(8, 32), batch_size=4, verbose=0)
    assert np.abs(before - model.encoder.trainable_variables[0]).max() > 0


@pytest.mark.slow
def test_encoder__of_keras_cv_trains_without_being_asked_to_pool():
    keras_cv = pytest.importorskip("keras_cv")
    backbone = keras_cv.models.ResNetBackbone(
        stackwise_filters=[64, 128],
        stackwise_blocks=[1, 1],
        stackwise_strides=[1, 2],
        include_rescaling=False,
        input_shape=(32, 32, 3),
        block_type="basic_block",
    )
    model = picture_byol(backbone, size=32)
    model.fit(pictures(8, 32), batch_size=4, verbose=0)
    assert model.predict(pictures(4, 32), verbose=0).shape == (4, 128)
