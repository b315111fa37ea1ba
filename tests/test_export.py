"""SavedModels for TensorFlow Serving: versions, signatures, numbers, card."""

import contextlib
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import mlp_encoder, moved, pictures, vectors

import byol_keras as bk
from byol_keras.export import litert, onnx, saved_model, verify
from byol_keras.export.portable import Portable
from byol_keras.export.soundness import warned_of


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return moved(bk.encoders.small_resnet((16, 16, 3), widths=(8, 16)))


@pytest.fixture(scope="module")
def exported(encoder, tmp_path_factory):
    return saved_model(encoder, tmp_path_factory.mktemp("models") / "encoder")


def asked(folder, signature="serving_default", **inputs):
    loaded = tf.saved_model.load(str(folder))
    return {name: values.numpy() for name, values in loaded.signatures[signature](**inputs).items()}


FLOATS = pictures(5) / np.float32(255)


@pytest.mark.parametrize("count", [1, 5])
def test_signatures__give_what_the_encoder_gives(encoder, exported, count):
    wanted = bk.evaluation.extract_features(encoder, pictures(5))[:count]
    floats = asked(exported, pixels=tf.constant(FLOATS[:count]))["representation"]
    whole = asked(exported, "serving_uint8", pixels=tf.constant(pictures(5)[:count]))["representation"]
    np.testing.assert_allclose(floats, wanted, atol=1e-6)
    np.testing.assert_allclose(whole, wanted, atol=1e-6)


def test_signature_of_bytes__reads_files(encoder, exported):
    files = [tf.io.encode_png(image).numpy() for image in pictures(5)]
    found = asked(exported, "serving_bytes", image_bytes=tf.constant(files))["representation"]
    np.testing.assert_allclose(found, bk.evaluation.extract_features(encoder, pictures(5)), atol=1e-6)


def test_signature_of_features__gives_the_pyramid(encoder, exported):
    found = asked(exported, "features", pixels=tf.constant(FLOATS))
    assert {name: maps.shape for name, maps in found.items()} == {"stage_1": (5, 16, 16, 8), "stage_2": (5, 8, 8, 16)}
    wanted = bk.evaluation.extract_features(encoder, pictures(5))
    np.testing.assert_allclose(found["stage_2"].mean(axis=(1, 2)), wanted, atol=1e-5)


def test_version__is_the_next_one_or_the_one_that_was_named(encoder, tmp_path):
    place = tmp_path / "encoder"
    assert saved_model(encoder, place) == str(place / "1")
    assert saved_model(encoder, place / "7") == str(place / "7")
    assert saved_model(encoder, f"{place}/") == str(place / "8")
    with pytest.raises(ValueError, match="names a version that exists already"):
        saved_model(encoder, place / "7")
    assert sorted(path.name for path in place.iterdir()) == ["1", "7", "8"]


def test_failure__leaves_nothing_behind(encoder, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("byol_keras.export.serving.write_card", fail)
    with pytest.raises(OSError, match="no space"):
        saved_model(encoder, tmp_path / "encoder")
    assert not list((tmp_path / "encoder").iterdir())


def test_export__loads_where_neither_keras_nor_this_library_is(encoder, exported):
    code = f"""
import sys
import numpy as np, tensorflow as tf
sys.modules |= dict.fromkeys(('keras', 'tf_keras', 'keras_cv', 'byol_keras'))  # importing any of them fails
pixels = np.linspace(0, 1, 16 * 16 * 3, dtype='float32').reshape(1, 16, 16, 3)
print(tf.saved_model.load({str(exported)!r}).signatures['serving_default'](pixels=pixels)['representation'].numpy().tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pixels = np.linspace(0, 1, 16 * 16 * 3, dtype="float32").reshape(1, 16, 16, 3)
    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found, bk.evaluation.extract_features(encoder, pixels), atol=1e-6)


def test_precision__of_an_export_is_float32_whatever_was_trained_in(tmp_path):
    bk.set_precision("bfloat16")
    encoder = moved(bk.encoders.small_resnet((16, 16, 3), widths=(8, 16)))
    folder = saved_model(encoder, tmp_path / "encoder")
    bk.set_precision("float32")
    same = bk.encoders.small_resnet((16, 16, 3), widths=(8, 16))
    same.set_weights(encoder.get_weights())
    found = asked(folder, pixels=tf.constant(FLOATS))["representation"]
    np.testing.assert_allclose(found, bk.evaluation.extract_features(same, FLOATS), atol=1e-6)


def test_weights__are_stored_once(encoder, exported):
    stored = sum(path.stat().st_size for path in Path(exported, "variables").iterdir())
    assert stored < 1.5 * 4 * encoder.count_params()


def test_normalize__brings_vectors_to_length_one(encoder, exported, tmp_path):
    folder = saved_model(encoder, tmp_path / "encoder", normalize=True)
    found = asked(folder, pixels=tf.constant(FLOATS))["representation"]
    plain = asked(exported, pixels=tf.constant(FLOATS))["representation"]
    np.testing.assert_allclose(found, plain / np.linalg.norm(plain, axis=1, keepdims=True), atol=1e-6)
    assert json.loads((tmp_path / "encoder/1/model_card.json").read_text())["output"]["unit_length"] is True


def test_size__makes_an_encoder_of_any_size_read_files(tmp_path):
    encoder = moved(bk.encoders.small_resnet((None, None, 3), widths=(8, 16)))
    free = saved_model(encoder, tmp_path / "free")
    fixed = saved_model(encoder, tmp_path / "fixed", size=(16, 24))
    names = [set(tf.saved_model.load(folder).signatures) for folder in (free, fixed)]
    assert names[1] - names[0] == {"serving_bytes"}
    for side in (16, 20):
        assert asked(free, pixels=tf.zeros((2, side, side, 3)))["representation"].shape == (2, 16)
    file = tf.io.encode_jpeg(pictures(1, 40)[0]).numpy()
    assert asked(fixed, "serving_bytes", image_bytes=tf.constant([file]))["representation"].shape == (1, 16)


def test_details__that_no_card_can_hold_are_refused_before_anything_is_written(encoder, tmp_path):
    with pytest.raises(ValueError, match="`details` must be what JSON can say"):
        saved_model(encoder, tmp_path / "encoder", details={"place": tmp_path})
    assert not list(tmp_path.iterdir())


def test_size__may_be_numpys():
    encoder = bk.encoders.small_resnet((None, None, 3), widths=(8,))
    assert Portable(encoder, size=np.int64(16)).inputs()["pixels"].shape == (None, 16, 16, 3)


@pytest.mark.parametrize("size", [20, (16, 20), 0, (16, 16, 3)])
def test_size__must_be_that_of_the_encoder(encoder, size, tmp_path):
    with pytest.raises(ValueError, match="`size` must be"):
        saved_model(encoder, tmp_path / "encoder", size=size)


def test_vectors__have_the_default_signature_alone(tmp_path):
    encoder = moved(mlp_encoder())
    folder = saved_model(encoder, tmp_path / "encoder")
    loaded = tf.saved_model.load(folder)
    assert set(loaded.signatures) == {"serving_default"}
    (name,) = loaded.signatures["serving_default"].structured_input_signature[1]
    found = asked(folder, **{name: tf.constant(vectors(4))})["representation"]
    np.testing.assert_allclose(found, encoder(vectors(4)), atol=1e-6)


def test_several_inputs__keep_their_names(tmp_path):
    inputs = {name: keras.Input((3,), name=name) for name in ("left", "right")}
    encoder = moved(keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Concatenate()(list(inputs.values())))))
    values = {"left": vectors(4, 3), "right": vectors(4, 3, seed=2)}
    found = asked(saved_model(encoder, tmp_path / "encoder"), **{key: tf.constant(x) for key, x in values.items()})
    np.testing.assert_allclose(found["representation"], encoder(values), atol=1e-6)


def test_preprocessor__goes_along(tmp_path):
    words = keras.layers.TextVectorization(output_sequence_length=4, vocabulary=["see", "it", "learn"])
    ids = keras.Input((4,), dtype="int64")
    encoder = moved(keras.Model(ids, keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(5, 3)(ids))))
    model = bk.BYOL(encoder, preprocessor=keras.Sequential([keras.Input((), dtype="string"), words]))
    folder = saved_model(model, tmp_path / "texts")
    (name,) = tf.saved_model.load(folder).signatures["serving_default"].structured_input_signature[1]
    texts = tf.constant(["see it learn", "learn"])
    found = asked(folder, **{name: texts})["representation"]
    np.testing.assert_allclose(found, encoder(words(texts)), atol=1e-6)


def test_preprocessor__must_say_what_it_takes(tmp_path):
    model = bk.BYOL(mlp_encoder(), preprocessor=keras.layers.Rescaling(2.0))
    with pytest.raises(ValueError, match="`preprocessor` must be a built model"):
        saved_model(model, tmp_path / "encoder")


def test_card__tells_the_contract_and_holds_true_checksums(encoder, tmp_path):
    details = {"training": {"epochs": 3}, "evaluation": {"knn": 0.5}}
    folder = tmp_path / saved_model(encoder, tmp_path / "encoder", details=details)
    card = json.loads((folder / "model_card.json").read_text())
    assert card["inputs"]["serving_uint8"]["takes"] == {"pixels": {"dtype": "uint8", "shape": [None, 16, 16, 3]}}
    assert card["output"] == {"name": "representation", "size": 16, "unit_length": False}
    assert {key: card[key] for key in details} == details
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert set(card["sha256"]) == files - {"model_card.json"}
    for name, checksum in card["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum


def test_untrained_and_collapsed_encoders__are_warned_of(encoder, tmp_path):
    with pytest.warns(UserWarning, match="looks untrained"):
        saved_model(bk.encoders.small_resnet((16, 16, 3)), tmp_path / "untrained")
    flat = keras.models.clone_model(encoder)
    flat.set_weights([np.zeros_like(w) if w.ndim == 4 else w for w in encoder.get_weights()])
    with pytest.warns(UserWarning, match="looks collapsed"):
        folder = saved_model(flat, tmp_path / "collapsed")
    (sentence,) = json.loads((tmp_path / "collapsed/1/model_card.json").read_text())["warnings"]
    assert "collapsed" in sentence, folder


@pytest.mark.parametrize("layer", [None, keras.layers.Normalization(mean=1000.0, variance=1e4)])
def test_encoders_of_large_numbers__are_probed_with_such(layer):
    statistics = ([1000.0] * 4, [100.0] * 4) if layer is None else None
    encoder = bk.encoders.mlp(4, (32, 16), statistics=statistics)
    encoder = moved(encoder if layer is None else keras.Sequential([keras.Input((4,)), layer, encoder]))
    assert warned_of(Portable(encoder)) == []


def test_warnings__point_at_the_call(tmp_path):
    untrained = bk.encoders.small_resnet((None, None, 3), widths=(8,))
    for export, suffix in ((saved_model, ""), (litert, ".tflite"), (onnx, ".onnx")):
        # Both formats refuse pictures of any size after that.
        with pytest.warns(UserWarning, match="looks untrained") as found, contextlib.suppress(ValueError):
            export(untrained, tmp_path / f"encoder{suffix}")
        assert {warning.filename for warning in found} == {__file__}


def test_classifier__goes_with_its_head(encoder, exported, tmp_path):
    labels = np.arange(20) % 3
    classifier = bk.finetune(encoder, 3)
    classifier.fit_head(pictures(20), labels)
    folder = saved_model(classifier, tmp_path / "classifier")
    wanted = classifier.predict(pictures(5), verbose=0)
    for signature, pixels in (("serving_default", FLOATS), ("serving_uint8", pictures(5))):
        found = asked(folder, signature, pixels=tf.constant(pixels))["representation"]
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.ptp(wanted, axis=0).max() > 0.1
    card = json.loads((tmp_path / "classifier/1/model_card.json").read_text())
    assert (card["name"], card["output"]["size"]) == (f"{encoder.name}_classifier", 3)
    assert verify(classifier, [folder], pictures(20), labels).ok
    with pytest.raises(ValueError, match=r"shape \(20, 3\)\. Received: .*, which gives \(20, 16\)"):
        verify(classifier, [exported], pictures(20), labels)


def test_classifier__of_one_class_has_not_collapsed(encoder, tmp_path, recwarn):
    classifier = bk.finetune(encoder, 3)
    classifier.head.bias.assign([9.0, 0.0, 0.0])
    saved_model(classifier, tmp_path / "classifier")
    assert not [warning for warning in recwarn if "looks" in str(warning.message)]


def test_examples__are_fractions_of_255_where_they_are_pictures(encoder):
    (pixels,) = Portable(encoder).examples(pictures(5), "examples").values()
    np.testing.assert_array_equal(pixels, FLOATS)
    (counts,) = Portable(mlp_encoder()).examples(np.full((2, 6), 7, "uint8"), "examples").values()
    np.testing.assert_array_equal(counts, np.full((2, 6), 7, "float32"))


def test_model__that_has_an_encoder_is_not_cut(tmp_path):
    autoencoder = moved(mlp_encoder(features=6))
    autoencoder.encoder = keras.Model(autoencoder.inputs, autoencoder.layers[0].output)
    assert Portable(autoencoder).width == 6


def test_half_precision_that_can_not_be_rebuilt__is_a_sentence(tmp_path):
    class Odd(keras.layers.Layer):
        def __init__(self, factor):
            super().__init__(dtype="mixed_bfloat16")
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

    encoder = keras.Sequential([keras.Input((3,)), Odd(2.0)])
    with pytest.raises(ValueError, match="`model` can't be exported: it computes in half precision"):
        saved_model(encoder, tmp_path / "encoder")
