"""LiteRT and ONNX files: numbers in their own runtimes, contracts, refusals."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import mlp_encoder, moved, pictures, vectors

import byol_keras as bk
from byol_keras.export import litert, onnx
from byol_keras.export.exchange import _check_operations
from byol_keras.export.runtimes import open_artefact

pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")

IMAGES = pictures(24)


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return moved(bk.encoders.small_resnet((16, 16, 3), widths=(8, 16)))


def vectors_of(path, images=IMAGES[:5]):
    return open_artefact(path)({"pixels": images / np.float32(255)}, batch_size=3)


def card_of(path):
    return json.loads(Path(f"{path}.model_card.json").read_text())


@pytest.mark.parametrize(
    ("quantization", "tolerance"), [("float32", 1e-5), ("float16", 5e-3), ("dynamic", 0.05), ("int8", 0.1)]
)
def test_litert__gives_what_the_encoder_gives(encoder, quantization, tolerance, tmp_path):
    path = tmp_path / f"{quantization}.tflite"
    assert litert(encoder, path, quantization=quantization, representative=IMAGES) == str(path)
    wanted = bk.evaluation.extract_features(encoder, IMAGES[:5])
    np.testing.assert_allclose(vectors_of(path), wanted, atol=tolerance * np.abs(wanted).max())
    assert card_of(path)["quantization"] == quantization
    assert {file.name for file in tmp_path.iterdir()} == {path.name, f"{path.name}.model_card.json"}


@pytest.mark.parametrize("categories", [{99: 3}, {}])
def test_int8__keeps_columns_of_every_unit(categories, tmp_path):
    """One scale of 256 steps for ages, incomes and categories would leave incomes only; weights are integers still."""
    rng, deviations = np.random.default_rng(0), np.geomspace(1.0, 1000.0, 100)
    rows = rng.normal(size=(300, 100)) * deviations + 3 * deviations
    rows[:, 99] = rng.integers(0, 3, 300) if categories else rows[:, 99]
    rows = rows.astype("float32")
    encoder = moved(bk.encoders.mlp(100, (64, 8), statistics=(3 * deviations, deviations), categories=categories))
    path = tmp_path / "rows.tflite"
    litert(encoder, path, quantization="int8", representative=rows[:100])
    (check,) = bk.export.verify(encoder, [path], rows).checks
    assert (check.precision, check.broken) == ("int8", ())
    assert check.centred_cosine > 0.99
    assert path.stat().st_size < 2 * encoder.count_params()


def test_litert__takes_and_gives_integers_on_demand(encoder, tmp_path):
    path = tmp_path / "integer.tflite"
    litert(encoder, path, quantization="int8", representative=IMAGES, integer=True, batch_size=2)
    tensors = card_of(path)["tensors"]
    asked = card_of(path)["inputs"]["serving_default"]
    assert asked["takes"] == {"pixels": {"dtype": "uint8", "shape": [2, 16, 16, 3]}}
    assert asked["meaning"].startswith("integers")
    assert tensors["inputs"][0]["dtype"] == "uint8"
    assert tensors["outputs"][0]["dtype"] == "int8"
    # So that the bytes of a picture go in as they are.
    assert tensors["inputs"][0]["scale"] == pytest.approx(1 / 255)
    assert tensors["inputs"][0]["zero_point"] == 0
    wanted = bk.evaluation.extract_features(encoder, IMAGES[:5])
    np.testing.assert_allclose(vectors_of(path), wanted, atol=0.1 * np.abs(wanted).max())
    assert open_artefact(path).batch_size == 2


@pytest.mark.parametrize("batch_size", [None, 2])
def test_onnx__gives_what_the_encoder_gives(encoder, batch_size, tmp_path):
    path = tmp_path / "encoder.onnx"
    onnx(encoder, path, batch_size=batch_size, normalize=True)
    wanted = bk.evaluation.extract_features(encoder, IMAGES[:5])
    found = vectors_of(path)
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)
    assert open_artefact(path).batch_size == batch_size
    assert card_of(path)["output"]["unit_length"] is True


def test_pictures_of_any_size__need_one(tmp_path):
    encoder = moved(bk.encoders.small_resnet((None, None, 3), widths=(8,)))
    with pytest.raises(ValueError, match="`size` must be given"):
        litert(encoder, tmp_path / "encoder.tflite")
    litert(encoder, tmp_path / "encoder.tflite", size=16)
    wanted = bk.evaluation.extract_features(encoder, IMAGES[:5])
    np.testing.assert_allclose(vectors_of(tmp_path / "encoder.tflite"), wanted, atol=1e-5)


def test_vectors__are_exported_as_well(tmp_path):
    encoder = moved(mlp_encoder())
    (name,) = [tensor.name for tensor in encoder.inputs]
    place = tmp_path / "not" / "there" / "yet"
    for path in (litert(encoder, place / "mlp.tflite"), onnx(encoder, place / "mlp.onnx")):
        np.testing.assert_allclose(open_artefact(path)({name: vectors(4)}), encoder(vectors(4)), atol=1e-5)
    assert [card_of(place / f"mlp.{suffix}")["format"] for suffix in ("tflite", "onnx")] == ["litert", "onnx"]


@pytest.mark.parametrize("details", ["a text", ["a", "list"], {"warnings": "one sentence"}, {"not": {1, 2}}])
def test_details__that_no_card_holds_are_refused_before_anything_is_written(details, tmp_path):
    with pytest.raises(ValueError, match="`details` must be"):
        onnx(mlp_encoder(), tmp_path / "mlp.onnx", details=details)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def grouped():
    """What Keras compiles with XLA, and a function that ONNX has no name for."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((16, 16, 8))
    maps = keras.layers.Conv2D(16, 3, padding="same", groups=4, activation="gelu")(pixels)
    return moved(keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(6, 3)(maps))))


@pytest.mark.parametrize(("export", "suffix"), [(litert, "tflite"), (onnx, "onnx")])
def test_grouped_convolutions_and_exact_gelu__can_be_converted(grouped, export, suffix, tmp_path):
    pixels = np.random.default_rng(0).random((5, 16, 16, 8), dtype="float32")
    path = export(grouped, tmp_path / f"encoder.{suffix}")
    np.testing.assert_allclose(open_artefact(path)({"pixels": pixels}), grouped(pixels), atol=1e-5)


def test_grouped_convolutions__need_no_xla_to_be_served(grouped, tmp_path):
    folder = bk.export.saved_model(grouped, tmp_path / "served")
    pixels = np.random.default_rng(0).random((5, 16, 16, 8), dtype="float32")
    np.testing.assert_allclose(open_artefact(folder)({"pixels": pixels}), grouped(pixels), atol=1e-5)
    assert b"_XlaMustCompile" not in (Path(folder) / "saved_model.pb").read_bytes()


def test_grouped_convolutions_of_volumes__are_served_with_xla(tmp_path):
    """TensorFlow has no other kernel for them on processors."""
    volume = keras.Input((4, 6, 6, 4), name="volume")
    maps = keras.layers.Conv3D(6, 3, groups=2)(volume)
    encoder = keras.Model(volume, keras.layers.GlobalAveragePooling3D()(maps))
    values = np.random.default_rng(0).random((5, 4, 6, 6, 4), dtype="float32")
    served = open_artefact(bk.export.saved_model(moved(encoder), tmp_path / "served"))
    np.testing.assert_allclose(served({"volume": values}), encoder(values), atol=1e-5)


class Beta(keras.layers.Layer):
    """Something that no other format has."""

    def call(self, inputs):
        import tensorflow as tf

        return tf.math.betainc(1.0 + inputs, 1.0 + inputs, tf.fill(tf.shape(inputs), 0.5))


@pytest.mark.parametrize(("export", "suffix"), [(litert, "tflite"), (onnx, "onnx")])
def test_operations_that_a_format_lacks__are_named(export, suffix, tmp_path):
    encoder = keras.Sequential([keras.Input((3,)), Beta()])
    with pytest.raises(RuntimeError, match="the format has no Betainc"):
        export(encoder, tmp_path / f"encoder.{suffix}")
    assert not list(tmp_path.iterdir())


def test_operations_inside_of_branches__are_looked_at():
    helper = pytest.importorskip("onnx").helper
    result = helper.make_tensor_value_info("result", 1, [1])
    branch = helper.make_graph([helper.make_node("Betainc", [], ["result"])], "branch", [], [result])
    chosen = helper.make_node("If", ["choice"], ["chosen"], then_branch=branch, else_branch=branch)
    choice = helper.make_tensor_value_info("choice", 9, [])
    graph = helper.make_graph([chosen], "graph", [choice], [helper.make_tensor_value_info("chosen", 1, [1])])
    with pytest.raises(RuntimeError, match="can't be converted to ONNX: the format has no Betainc"):
        _check_operations(graph)


@pytest.mark.parametrize(("export", "suffix"), [(litert, "tflite"), (onnx, "onnx")])
def test_place_that_can_not_be_made__is_noticed_before_the_conversion(export, suffix, tmp_path, monkeypatch):
    monkeypatch.setattr("byol_keras.export.converting.write_signatures", lambda *_: pytest.fail("began to convert"))
    (tmp_path / "file").write_text("")
    with pytest.raises(tf.errors.OpError, match="is not a directory"):
        export(moved(mlp_encoder()), tmp_path / "file" / "folder" / f"encoder.{suffix}")


def test_crash_of_the_converter__is_a_sentence(tmp_path, monkeypatch):
    """Quantizing a loop over time to int8 takes the converter's process down, if nothing stops it."""
    monkeypatch.setattr("byol_keras.export.mobile._check_recurrent", lambda *_: None)
    encoder = moved(keras.Sequential([keras.Input((20, 4)), keras.layers.GRU(8)]))
    examples = np.random.default_rng(0).random((8, 20, 4), "float32")
    with pytest.raises(RuntimeError, match=r"can't be converted to LiteRT: the converter crashed \(SIGSEGV\)"):
        litert(encoder, tmp_path / "gru.tflite", quantization="int8", representative=examples, batch_size=1)
    assert not list(tmp_path.iterdir())


def test_recurrent_encoders__take_fixed_batches_and_unrolled_loops(tmp_path):
    looped = moved(keras.Sequential([keras.Input((6, 2)), keras.layers.GRU(4)]))
    examples = np.random.default_rng(0).random((5, 6, 2), "float32")
    path = tmp_path / "gru.tflite"
    with pytest.raises(ValueError, match="`batch_size` must be fixed"):
        litert(looped, path)
    with pytest.raises(ValueError, match=r"`quantization` can't be 'int8'.*unroll=True"):
        litert(looped, path, quantization="int8", representative=examples, batch_size=1)
    (name,) = [tensor.name for tensor in looped.inputs]
    litert(looped, path, batch_size=1)
    np.testing.assert_allclose(open_artefact(path)({name: examples}), looped(examples), atol=1e-5)
    unrolled = keras.Sequential([keras.Input((6, 2)), keras.layers.GRU(4, unroll=True)])
    unrolled.set_weights(looped.get_weights())
    litert(unrolled, path, quantization="int8", representative=examples, batch_size=1)
    (name,) = [tensor.name for tensor in unrolled.inputs]
    np.testing.assert_allclose(open_artefact(path)({name: examples}), looped(examples), atol=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantization": "int4"}, "`quantization` must be one of"),
        ({"quantization": "int8"}, "`representative` must hold some inputs"),
        ({"details": {"knn": np.float32(0.9)}}, "`details` must be what JSON can say.*float32"),
        ({"details": {"knn": float("nan")}}, "`details` must be what JSON can say"),
        ({"integer": True}, "`integer` needs quantization='int8'"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
        ({"quantization": "int8", "representative": IMAGES[:0]}, "`representative` must hold at least one example"),
        ({"quantization": "int8", "representative": IMAGES * 255.0}, "`representative` takes float pixels in"),
        ({"quantization": "int8", "representative": IMAGES * np.float32("nan")}, "`representative` must be finite"),
        ({"quantization": "int8", "representative": pictures(2, 20)}, r"`representative` must.*\(None, 16, 16, 3\)"),
    ],
)
def test_bad_options_of_litert__are_named(encoder, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        litert(encoder, tmp_path / "encoder.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_names_of_files__tell_the_format(encoder, tmp_path):
    with pytest.raises(ValueError, match=r"`path` must end in \.tflite"):
        litert(encoder, tmp_path / "encoder.onnx")
    with pytest.raises(ValueError, match=r"`path` must end in \.onnx"):
        onnx(encoder, tmp_path / "encoder.tflite")


def test_missing_packages__are_named_with_their_command(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'byol-keras\[onnx\]'"):
        onnx(encoder, tmp_path / "encoder.onnx")
