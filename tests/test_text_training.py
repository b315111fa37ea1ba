"""Training on strings, and what becomes of the model in files and exports."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import moved, two_devices

import byol_keras as bk

GENERATOR = np.random.default_rng(0)
NOUNS = ["eye", "ear", "sea", "sun", "tree", "road"]
TEXTS = np.array([" ".join(GENERATOR.choice(NOUNS, count)) for count in GENERATOR.integers(2, 8, 64)], "object")
LENGTH = 8


def text_byol(kind="transformer", texts=TEXTS, **options):
    keras.utils.set_random_seed(3)
    words = bk.data.vectorizer(texts, length=LENGTH)
    encoder = bk.encoders.text(words.layers[-1].vocabulary_size(), LENGTH, kind, width=16)
    settings = {"views": bk.views.TokenViews(), "preprocessor": words} | options
    model = bk.BYOL(encoder, **settings)
    model.compile(keras.optimizers.Adam(1e-2))
    return model


@pytest.fixture(scope="module", params=["transformer", "gru"])
def trained(request):
    model = text_byol(request.param)
    history = model.fit(TEXTS, batch_size=16, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    return model


def test_strings__may_come_in_every_form(trained):
    expected = trained.predict(TEXTS, verbose=0)
    assert expected.shape == (64, 16)
    for texts in (list(TEXTS), TEXTS.astype(str), TEXTS.astype("S")):
        np.testing.assert_allclose(trained.predict(texts, verbose=0), expected, atol=1e-6)
    ids = trained.preprocessor(tf.constant(TEXTS))
    np.testing.assert_allclose(trained.encoder.predict(ids, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(bk.evaluation.extract_features(trained, TEXTS), expected, atol=1e-6)


def test_save__keeps_words_and_weights(trained, tmp_path):
    trained.save(tmp_path / "texts.keras")
    revived = keras.models.load_model(tmp_path / "texts.keras")
    np.testing.assert_allclose(revived.predict(TEXTS, verbose=0), trained.predict(TEXTS, verbose=0), atol=1e-6)
    assert revived.views.get_config() == trained.views.get_config()


def test_saved_model__takes_strings_in_plain_tensorflow(trained, tmp_path):
    folder = bk.export.saved_model(trained, tmp_path / "serving")
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    found = serve(texts=tf.constant(TEXTS))["representation"]
    np.testing.assert_allclose(found, trained.predict(TEXTS, verbose=0), atol=1e-4)
    assert bk.export.verify(trained, [folder], TEXTS).ok


@pytest.mark.long
def test_files_of_ids__give_what_the_encoder_gives(trained, tmp_path):
    encoder, ids = trained.encoder, trained.preprocessor(tf.constant(TEXTS)).numpy()
    files = [bk.export.litert(encoder, tmp_path / "text.tflite", batch_size=1)]
    files.append(bk.export.onnx(encoder, tmp_path / "text.onnx"))
    found = bk.export.verify(encoder, files, ids)
    assert found.ok, found.to_json()


@pytest.mark.long
def test_unrolled_layers__go_into_files_for_any_batch(tmp_path):
    encoder = moved(bk.encoders.text(20, 6, width=8, unroll=True))
    ids = GENERATOR.integers(1, 20, (40, 6))
    looped = bk.encoders.text(20, 6, width=8)
    looped.set_weights(encoder.get_weights())
    np.testing.assert_allclose(encoder(ids), looped(ids), atol=1e-5)
    found = bk.export.verify(encoder, [bk.export.litert(encoder, tmp_path / "text.tflite")], ids)
    assert found.ok, found.to_json()
    assert set(found.checks[0].milliseconds) == {1, 32}


@pytest.mark.parametrize("export", [bk.export.litert, bk.export.onnx])
def test_files__know_no_strings_and_say_where_to_go(export, tmp_path):
    path = tmp_path / ("text.tflite" if export is bk.export.litert else "text.onnx")
    with pytest.raises(ValueError, match=r"knows no strings: export `model\.encoder` alone and give it the ids"):
        export(text_byol("gru"), path)


def test_words_that_were_adapted__survive_export_in_half_precision(tmp_path):
    bk.set_precision("bfloat16")
    layer = keras.layers.TextVectorization(output_sequence_length=LENGTH)
    layer.adapt(TEXTS)
    model = text_byol(preprocessor=keras.Sequential([keras.Input((), dtype="string"), layer]))
    moved(model.encoder)
    bk.set_precision("float32")
    serve = tf.saved_model.load(bk.export.saved_model(model, tmp_path / "serving")).signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]
    found = serve(**{name: tf.constant(TEXTS)})["representation"]
    np.testing.assert_allclose(found, model.predict(TEXTS, verbose=0), atol=0.05)
    assert np.std(found, axis=0).max() > 0.05


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["a", float("nan")] * 32, "nothing but strings.* 32 of 64 values that are no strings, such as 'nan'"),
        ([*TEXTS[:62], "", "  "], "2 of 64 texts empty"),
        (np.zeros((64, LENGTH)), "`x` must be what `preprocessor` takes: string of shape .* Received: float32"),
        (np.zeros(64, "int64"), "`x` must be what `preprocessor` takes: string.* Received: int64"),
        (TEXTS[:, None], r"Received: string of shape \(64, 1\)"),
    ],
)
def test_training__refuses_what_are_no_texts_in_a_sentence(texts, sentence):
    with pytest.raises(ValueError, match=sentence):
        text_byol().fit(texts, batch_size=64, verbose=0)


def test_training__on_strings_without_a_preprocessor_says_what_is_missing():
    with pytest.raises(ValueError, match="what makes them of strings is the model's `preprocessor`"):
        text_byol(preprocessor=None).fit(TEXTS, batch_size=16, verbose=0)


def test_verify__refuses_strings_for_ids_and_numbers_for_strings(trained, tmp_path):
    for model, examples in ((trained.encoder, TEXTS), (trained, np.zeros(4))):
        with pytest.raises(ValueError, match="`examples` must hold at least one example of what the encoder takes"):
            bk.export.verify(model, [tmp_path], examples)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["transformer"])
def test_step__compiles_and_gives_the_same_numbers(kind):
    losses = []
    for jit in (False, True):
        model = text_byol(kind, preprocessor=None)
        ids = bk.data.vectorizer(TEXTS, length=LENGTH)(tf.constant(TEXTS)).numpy()
        model.compile(keras.optimizers.SGD(0.01), jit_compile=jit)
        losses.append(model.fit(ids, batch_size=64, verbose=0).history["loss"][0])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


@pytest.mark.long
def test_step__of_two_replicas_runs():
    with two_devices().scope():
        model = text_byol()
    assert np.isfinite(model.fit(TEXTS, batch_size=16, verbose=0).history["loss"]).all()
