"""Features: the same numbers however the data comes, and one trace."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import mlp_encoder, pictures, vector_byol, vectors

import byol_keras as bk
from byol_keras.evaluation import extract_features, pca, raw_pixels
from byol_keras.trainer import Trainer


def picture_encoder():
    return keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()], name="small"
    )


@pytest.fixture(scope="module")
def encoder():
    return picture_encoder()


def test_features__are_the_models_outputs_in_inference_mode():
    model, data = mlp_encoder(), vectors(50)
    model(data, training=True)
    features = extract_features(model, data, batch_size=16)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, model(data, training=False), atol=1e-6)


def test_features__do_not_depend_on_how_the_data_comes(encoder):
    images, labels = pictures(21, size=8), np.arange(21)
    whole = extract_features(encoder, images)
    labelled = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    for data in (images / np.float32(255), labelled, labelled.map(lambda x, y: x)):
        np.testing.assert_allclose(extract_features(encoder, data, batch_size=5), whole, atol=1e-6)


def test_features__of_byol_are_what_predict_gives_with_its_preprocessor():
    halve = keras.Sequential([keras.Input((6,)), keras.layers.Rescaling(0.5)])
    model = vector_byol(preprocessor=halve)
    data = vectors(10)
    np.testing.assert_allclose(extract_features(model, data, 4), model.predict(data, verbose=0), atol=1e-6)
    np.testing.assert_allclose(extract_features(model, data), extract_features(model.encoder, data / 2.0), atol=1e-6)


def test_features__of_a_byol_take_uint8_as_the_encoder_does(encoder):
    model, images = bk.BYOL(encoder, views=bk.views.ImageViews(8)), pictures(6, size=8)
    np.testing.assert_allclose(extract_features(model, images), extract_features(model.encoder, images), atol=1e-6)
    np.testing.assert_allclose(extract_features(encoder, images), encoder(images / np.float32(255)), atol=1e-6)


class Summed(Trainer):
    """A trainer without a target, which scales raw pixels in its own way."""

    def call(self, inputs, training=None):
        return tf.reduce_sum(tf.cast(inputs, tf.float32), axis=(1, 2)) / 255.0


def test_features__of_any_trainer_leave_its_inputs_to_it():
    images = pictures(6, size=8)
    expected = images.astype("float32").sum(axis=(1, 2)) / 255.0
    np.testing.assert_allclose(extract_features(Summed(), images), expected, rtol=1e-5)


def test_features__of_several_inputs():
    first, second = keras.Input((2,), name="first"), keras.Input((3,), name="second")
    joined = keras.layers.Concatenate()([first, second])
    model = keras.Model({"first": first, "second": second}, keras.layers.Dense(4)(joined))
    data = {"first": vectors(7, 2), "second": vectors(7, 3)}
    np.testing.assert_allclose(extract_features(model, data, batch_size=3), model(data), atol=1e-6)


class Counting(keras.layers.Layer):
    """Counts how often it is traced."""

    traces = 0

    def call(self, inputs):
        if isinstance(inputs, tf.Tensor):
            Counting.traces += 1
        return inputs


def test_features__trace_a_model_once_and_see_its_weights_change():
    model = keras.Sequential([keras.Input((6,)), Counting(), keras.layers.Dense(2, use_bias=False)])
    Counting.traces, data = 0, vectors(10)
    before = extract_features(model, data, batch_size=4)
    model.weights[0].assign(2.0 * model.weights[0])
    np.testing.assert_allclose(extract_features(model, data, batch_size=3), 2.0 * before, rtol=1e-5)
    assert Counting.traces == 1


def test_features__of_series_of_many_lengths_take_two_traces():
    traces = []

    class Mean(keras.layers.Layer):
        def call(self, series):
            traces.append(series.shape)
            return tf.reduce_mean(series, axis=1)

    encoder = keras.Sequential([keras.Input((None, 2)), Mean()])
    traces.clear()
    series = [vectors(4 * time, 2).reshape(4, time, 2) for time in range(3, 9)]
    found = extract_features(encoder, iter(series))
    np.testing.assert_allclose(found, np.concatenate([part.mean(axis=1) for part in series]), atol=1e-6)
    assert len(traces) == 2


def test_features__do_not_keep_a_model_alive():
    model = mlp_encoder()
    extract_features(model, vectors(3))
    reference = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert reference() is None


def test_features__that_are_not_finite_are_refused():
    data = vectors(8)
    data[3] = np.nan
    with pytest.raises(ValueError, match=r"`model` must return finite features.*Received: 1 of 8"):
        extract_features(mlp_encoder(), data)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.zeros((0, 6), "float32"), ValueError, "`data` is empty"),
        ([[1.0] * 6], TypeError, "`data` must be arrays or a dataset"),
        (3, TypeError, "`data` must be arrays or a dataset"),
    ],
)
def test_features__refuse_what_is_no_data(data, error, message):
    with pytest.raises(error, match=message):
        extract_features(mlp_encoder(), data)


def test_features__refuse_feature_maps_and_what_is_no_model():
    backbone = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    with pytest.raises(ValueError, match=r"`model` must return one vector per example.*bk\.encoders\.pooled"):
        extract_features(backbone, pictures(2, size=8))
    with pytest.raises(TypeError, match="`model` must be a Keras model"):
        extract_features(len, vectors(2))


def test_raw_pixels__are_values_minus_a_half():
    images = pictures(5, size=4)
    expected = images.reshape(5, -1) / 255.0 - 0.5
    np.testing.assert_allclose(raw_pixels(images, batch_size=2), expected, atol=1e-6)
    batches = tf.data.Dataset.from_tensor_slices((images / np.float32(255), np.arange(5))).batch(2)
    np.testing.assert_allclose(raw_pixels(batches), expected, atol=1e-6)


def test_raw_pixels__of_large_pictures_are_those_of_small_ones():
    small = pictures(3, size=32)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    assert raw_pixels(large).shape == (3, 32 * 32 * 3)
    flat = np.full((1, 64, 20, 1), 51, "uint8")
    np.testing.assert_allclose(raw_pixels(flat), np.full((1, 32 * 20), -0.3), atol=1e-6)


@pytest.mark.parametrize("data", [np.zeros((3, 8)), np.zeros((3, 8, 8, 1), "int64")])
def test_raw_pixels__refuse_what_is_no_picture(data):
    with pytest.raises(ValueError, match="`data` must be pictures"):
        raw_pixels(data)


def test_pca__refuses_no_components():
    with pytest.raises(ValueError, match="`components` must be a positive integer"):
        pca(vectors(8), vectors(8), components=0)


def test_pca__keeps_distances_when_all_components_are_kept():
    bank, queries = vectors(20, 4), vectors(9, 4, seed=2)
    turned_bank, turned = pca(bank, queries)
    assert turned.shape == (9, 4)
    np.testing.assert_allclose(turned_bank.mean(axis=0), 0.0, atol=1e-6)
    distances = np.linalg.norm(queries[:, None] - bank, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(turned[:, None] - turned_bank, axis=-1), distances, atol=1e-5)
