"""Autoencoders and their decoders: laws, numbers by hand, and what a Keras model promises."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import assert_same, mlp_encoder, pictures, reconstruction, two_devices, vectors, weights_of

import byol_keras as bk
from byol_keras.baselines import Reconstruction, decoder_for
from byol_keras.evaluation import PrincipalComponents


def linear(inputs, outputs, **options):
    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs, **options)])


def identity(shape):
    """A model with one weight that returns what it is given."""
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(shape[-1], "linear", False, "identity")])


def batch_normalized(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


def test_linear_autoencoder__reaches_the_error_of_principal_components_and_no_less():
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(256, 2)) @ draw.normal(size=(2, 8)) + 0.2 * draw.normal(size=(256, 8)) + 1.0
    rows = rows.astype("float32")
    found = PrincipalComponents(rows)
    least = np.sum(found.deviations[2:] ** 2) * 255 / 256 / 8
    model = Reconstruction(linear(8, 2), linear(2, 8))
    model.compile(keras.optimizers.Adam(bk.schedules.WarmupCosine(0.05, 600)))
    model.fit(tf.data.Dataset.from_tensors(rows).repeat(), steps_per_epoch=600, verbose=0)
    error = np.mean((model.predict(rows, verbose=0) - rows) ** 2)
    assert least * (1 - 1e-4) < error < 1.01 * least
    # What it learned is their plane: projected onto it, a decoder's directions lose nothing.
    kernel = model.decoder.layers[0].kernel.numpy()
    plane = found.directions[:2]
    np.testing.assert_allclose(kernel @ plane.T @ plane, kernel, atol=0.1 * np.abs(kernel).max())


def loss_of(model, data):
    model.compile("sgd")
    return model.evaluate(data, verbose=0, return_dict=True)["loss"]


def test_loss__of_pictures_is_of_fractions_of_255():
    images = pictures(4, 8)
    encoder = bk.encoders.small_resnet((8, 8, 3), widths=(4,))
    decoder = decoder_for(encoder, widths=(4,))
    decoder.get_layer("reconstruction").kernel.assign(tf.zeros((3, 3, 4, 3)))
    decoder.get_layer("reconstruction").bias.assign([0.5, 0.5, 0.25])
    model = Reconstruction(encoder, decoder)
    wanted = np.mean((images / 255.0 - [0.5, 0.5, 0.25]) ** 2)
    assert loss_of(model, images) == pytest.approx(wanted, rel=1e-5)
    assert loss_of(model, images / np.float32(255)) == pytest.approx(wanted, rel=1e-5)


def test_loss__counts_in_units_of_the_columns_and_calls_answer_in_the_inputs():
    rows = vectors(64) * [1, 10, 100, 1e3, 1e4, 1e-3] + [5, 0, 1e3, 0, 0, 0]
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    decoder = linear(5, 6, kernel_initializer="zeros")
    model = Reconstruction(mlp_encoder(), decoder, statistics=(mean, deviation))
    assert loss_of(model, rows) == pytest.approx(1.0, rel=1e-4)
    np.testing.assert_allclose(model.predict(rows, verbose=0)[0], mean, rtol=1e-4)


def autoencoder_of_steps(time):
    """Rebuilds series of any length from the last state of a recurrent network that skips padding."""
    series = keras.Input((time, 2))
    code = keras.layers.GRU(4, name="read")(keras.layers.Masking()(series))
    encoder = keras.Model(series, code)
    vector = keras.Input((4,))
    steps = keras.layers.GRU(2, return_sequences=True, name="write")(keras.layers.RepeatVector(time)(vector))
    return Reconstruction(encoder, keras.Model(vector, steps))


def test_padding__changes_neither_loss_nor_training():
    draw = np.random.default_rng(1)
    series = draw.normal(size=(8, 6, 2)).astype("float32")
    series[3, 4:], series[5] = 0.0, 0.0
    series[2, 2] = 0.0  # a silent step with others behind it is none
    short, long = autoencoder_of_steps(6), autoencoder_of_steps(9)
    long.set_weights(short.get_weights())
    padded = np.pad(series, ((0, 0), (0, 3), (0, 0)))
    errors = np.mean((np.asarray(short(series)) - series) ** 2, axis=-1)
    lengths = [6, 6, 6, 4, 6, 0, 6, 6]
    wanted = np.mean([row[:length].mean() if length else 0.0 for row, length in zip(errors, lengths, strict=True)])
    assert loss_of(short, series) == pytest.approx(wanted, rel=1e-5)
    assert loss_of(long, padded) == pytest.approx(wanted, rel=1e-5)
    for model, data in ((short, series), (long, padded)):
        model.fit(data, epochs=3, batch_size=8, verbose=0)
    assert_same(weights_of(short), weights_of(long), atol=1e-6)


class Halved(bk.views.Views):
    """Every value halved: a corruption whose effect is known."""

    def view(self, batch, seed, index):
        return 0.5 * batch


def test_corruption__is_of_what_is_encoded_not_of_what_is_rebuilt():
    rows = vectors(16)
    clean, denoising = (Reconstruction(identity((6,)), identity((6,)), corrupt) for corrupt in (None, Halved()))
    assert loss_of(clean, rows) == pytest.approx(0.0, abs=1e-12)
    assert loss_of(denoising, rows) == pytest.approx(np.mean((0.5 * rows) ** 2), rel=1e-5)
    np.testing.assert_allclose(denoising.predict(rows, verbose=0), rows, atol=1e-6)


def test_corruption__differs_from_step_to_step_and_is_the_same_in_every_run():
    def losses():
        keras.utils.set_random_seed(2)
        model = reconstruction()
        model.compile(keras.optimizers.SGD(0.0))
        return [model.train_on_batch(vectors(64), return_dict=True)["loss"] for _ in range(3)]

    first = losses()
    assert first == losses()
    steps = np.diff([0.0, first[0], 2 * first[1] - first[0], 3 * first[2] - 2 * first[1]])
    assert np.min(np.abs(steps[1:])) > 1e-6


def trained(jit_compile=False, run_eagerly=False, data=None):
    keras.utils.set_random_seed(2)
    model = reconstruction()
    model.compile(keras.optimizers.SGD(0.05), jit_compile=jit_compile, run_eagerly=run_eagerly)
    model.fit(vectors(64) if data is None else data, epochs=2, verbose=0, shuffle=False)
    return weights_of(model)


def test_training__is_the_same_eager_compiled_and_under_xla():
    reference = trained()
    assert_same(reference, trained(run_eagerly=True), atol=1e-6)
    assert_same(reference, trained(jit_compile=True), atol=1e-5)


def test_training__ignores_labels_and_takes_datasets():
    reference = trained()
    rows, labels = vectors(64), np.arange(64)
    assert_same(reference, trained(data=tf.data.Dataset.from_tensor_slices((rows, labels)).batch(32)), atol=1e-6)
    model = reconstruction()
    model.compile("adam")
    history = model.fit(rows, labels, epochs=2, batch_size=16, validation_split=0.25, verbose=0).history
    assert sorted(history) == ["loss", "val_loss"]


def test_training__on_two_replicas_is_that_on_one(known_seed):
    def run(scope):
        keras.utils.set_random_seed(2)
        with scope.scope():
            # Batch statistics of a replica's own share would differ.
            encoder, decoder = linear(6, 3), linear(3, 6)
            model = Reconstruction(encoder, decoder, corrupt=bk.views.VectorViews(0.3))
            model.compile(keras.optimizers.SGD(0.1))
        history = model.fit(vectors(64), epochs=2, batch_size=16, verbose=0).history
        return weights_of(model), history["loss"]

    (one, losses), (two, other) = run(tf.distribute.get_strategy()), run(two_devices())
    np.testing.assert_allclose(other, losses, rtol=1e-5)
    assert_same(one, two, atol=1e-5)


def test_a_step_that_is_not_finite__changes_nothing():
    model = reconstruction()
    model.compile(keras.optimizers.SGD(1e30))
    with pytest.raises(ValueError, match="became non-finite at step"):
        model.fit(vectors(64), epochs=5, verbose=0)
    assert all(np.isfinite(weight).all() for weight in weights_of(model))


def test_file__brings_back_everything_and_goes_on(tmp_path):
    model = reconstruction(statistics=(np.ones(6), np.full(6, 2.0)))
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(vectors(64), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    revived = keras.models.load_model(tmp_path / "model.keras")
    assert_same(weights_of(model), weights_of(revived))
    np.testing.assert_array_equal(model.predict(vectors(8), verbose=0), revived.predict(vectors(8), verbose=0))
    for each in (model, revived):
        each.fit(vectors(64), epochs=1, verbose=0)
    assert_same(weights_of(model), weights_of(revived), atol=1e-7)


@pytest.mark.parametrize("shape", [(7,), (13, 2), (9, 20, 3), (8, 8, 1)])
@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_decoder__returns_what_its_encoder_takes(shape, normalization):
    flat = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(5)])
    decoder = decoder_for(flat, widths=(8, 4), normalization=normalization)
    assert decoder.input_shape == (None, 5)
    assert decoder.output_shape == (None, *shape)
    assert bool(batch_normalized(decoder)) == (normalization == "batch")
    if len(shape) > 1:
        assert decoder.get_layer("map").output.shape[1:] == (*(-(-side // 4) for side in shape[:-1]), 8)
    model = Reconstruction(flat, decoder)
    model.compile("adam", jit_compile=True)
    data = np.random.default_rng(0).normal(size=(16, *shape)).astype("float32")
    assert np.isfinite(model.fit(data, batch_size=8, verbose=0).history["loss"]).all()


REFUSED = {
    "an encoder that is no model": (lambda: Reconstruction(len, linear(5, 6)), "`encoder` must be a built"),
    "a decoder to another shape": (lambda: Reconstruction(linear(6, 2), linear(2, 5)), "`decoder` must return"),
    "a decoder of another shape": (lambda: Reconstruction(linear(6, 2), linear(5, 6)), "`decoder` must take what"),
    "ids": (
        lambda: Reconstruction(
            keras.Sequential([keras.Input((6,), dtype="int32"), keras.layers.Embedding(9, 2)]), linear(2, 6)
        ),
        "`encoder` must .* one input of floats. .* with inputs of int32",
    ),
    "constant columns": (
        lambda: Reconstruction(linear(6, 2), linear(2, 6), statistics=(np.zeros(6), np.zeros(6))),
        "`statistics` must have a finite mean and a positive standard deviation",
    ),
    "no widths": (lambda: decoder_for(linear(6, 2), widths=()), "`widths` must be one or more"),
    "pictures of any size": (
        lambda: decoder_for(bk.encoders.small_resnet((None, None, 3), widths=(4,))),
        "`encoder` must turn rows, series or pictures of one known shape",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_autoencoder__is_refused(name):
    build, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=sentence):
        build()


def test_statistics__are_those_of_the_channels():
    model = Reconstruction(linear(1, 2), linear(2, 1), statistics=([0.0] * 3, [1.0] * 3))
    with pytest.raises(ValueError, match="`statistics` must have one number for each of the 1 channels"):
        model.check_batch(vectors(8, 1), replicas=1)


@pytest.mark.parametrize("statistics", [([0.0, 0.0], [1.0, np.nan]), ([0.0], [1.0], [2.0]), (), ([], []), 0.5])
def test_statistics__are_a_mean_and_a_deviation(statistics):
    with pytest.raises(ValueError, match="`statistics` must have a finite mean and a positive standard deviation"):
        Reconstruction(linear(2, 2), linear(2, 2), statistics=statistics)


def test_data__that_can_not_be_rebuilt_is_refused():
    model = reconstruction()
    model.compile("sgd")
    with pytest.raises(ValueError, match=r"`x` must be examples of shape \(6,\)"):
        model.fit(vectors(8, 5), batch_size=8)
    with pytest.raises(ValueError, match="`x` must be finite"):
        model.fit(np.full((8, 6), np.nan, "float32"), batch_size=8)
    with pytest.raises(ValueError, match="`batch_size` must be at least 2"):
        model.fit(vectors(8), batch_size=1)
    encoder = bk.encoders.small_resnet((8, 8, 3), widths=(4,))
    cropping = Reconstruction(encoder, decoder_for(encoder, (4,)), corrupt=bk.views.ImageViews(6, preset="cifar"))
    cropping.compile("sgd")
    with pytest.raises(ValueError, match="`corrupt` must leave examples their shape"):
        cropping.fit(pictures(8, 8), batch_size=8)
